// Mounts a FUSE connection and runs its server, which finds the connection's descriptor in FUSE_FD; unmounts when
// the server has ended, however it ended. As root by mount(2), else through fusermount3 (libfuse is not needed).
//   mount <mount point> <program> [<argument>…]
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

[[noreturn]] void Fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

int MountAsRoot(const char* point) {
  const int fd = open("/dev/fuse", O_RDWR);
  if (fd < 0) Fail("/dev/fuse");
  const std::string options = "fd=" + std::to_string(fd) + ",rootmode=40000,user_id=0,group_id=0";
  if (mount("dstack-test", point, "fuse.dstack-test", MS_NOSUID | MS_NODEV, options.c_str()) != 0) Fail("mount");
  return fd;
}

int Await(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) Fail("waitpid");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

// fusermount3 sends the descriptor over the socket named in _FUSE_COMMFD.
int ReceiveDescriptor(int socket) {
  char byte = 0;
  iovec data{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (recvmsg(socket, &message, 0) <= 0) return -1;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return -1;
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}

int MountAsUser(const char* point) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0) Fail("socketpair");
  const pid_t child = fork();
  if (child < 0) Fail("fork");
  if (child == 0) {
    close(sockets[0]);
    setenv("_FUSE_COMMFD", std::to_string(sockets[1]).c_str(), 1);
    execlp("fusermount3", "fusermount3", "-o", "nosuid,nodev,subtype=dstack-test", "--", point, nullptr);
    Fail("fusermount3");
  }
  close(sockets[1]);
  const int fd = ReceiveDescriptor(sockets[0]);
  close(sockets[0]);
  // It has said itself what is wrong.
  if (Await(child) != 0 || fd < 0) std::exit(1);
  return fd;
}

// Lazily: a file a test left open must not keep the mount.
void Unmount(const char* point) {
  if (geteuid() == 0) {
    umount2(point, MNT_DETACH);
    return;
  }
  const pid_t child = fork();
  if (child == 0) {
    execlp("fusermount3", "fusermount3", "-u", "-z", "-q", "--", point, nullptr);
    _exit(1);
  }
  if (child > 0) Await(child);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const char* point = argv[1];
  const int fd = geteuid() == 0 ? MountAsRoot(point) : MountAsUser(point);
  // Ctrl-C goes to the whole group; the server ends of it, and this process stays to unmount.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGTERM, SIG_IGN);
  const pid_t server = fork();
  if (server == 0) {
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
    fcntl(fd, F_SETFD, 0);
    setenv("FUSE_FD", std::to_string(fd).c_str(), 1);
    execv(argv[2], argv + 2);
    Fail(argv[2]);
  }
  close(fd);
  const int status = server > 0 ? Await(server) : 1;
  Unmount(point);
  return status;
}
