#include "interrupt-at.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

namespace dstack {

namespace {

// Ignored by default, so that one too many harms nobody; a handler that does nothing is what makes system calls end.
constexpr int kSignal = SIGURG;
// Again after this long, for a call that began between the signal and the look at the clock.
constexpr long kRepeatNs = 20'000'000;

void Nothing(int) {}

bool HandlerInstalled() {
  static const bool installed = [] {
    struct sigaction action {};
    action.sa_handler = Nothing;
    return sigaction(kSignal, &action, nullptr) == 0;
  }();
  return installed;
}

}  // namespace

// By system call: the C library's functions for timers are elsewhere in each of its versions.
InterruptAt::InterruptAt(const Deadline& deadline) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, kSignal);
  pthread_sigmask(SIG_UNBLOCK, &set, &mask_before_);
  if (!HandlerInstalled()) return;
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = kSignal;
  event.sigev_notify_thread_id = static_cast<int>(syscall(SYS_gettid));
  if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer_) != 0) {
    timer_ = -1;
    return;
  }
  const int left = deadline.RemainingMs();
  itimerspec when{};
  when.it_value.tv_sec = left / 1000;
  // Never zero, which would disarm it.
  when.it_value.tv_nsec = (left % 1000) * 1'000'000L + 1;
  when.it_interval.tv_nsec = kRepeatNs;
  syscall(SYS_timer_settime, timer_, 0, &when, nullptr);
}

InterruptAt::~InterruptAt() {
  if (timer_ >= 0) syscall(SYS_timer_delete, timer_);
  pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

Failure FromErrnoOrDeadline(const std::string& what, int error_number, const Deadline& deadline) {
  if (error_number == EINTR && deadline.Passed()) return TimedOut(what);
  return FromErrno(what, error_number);
}

}  // namespace dstack
