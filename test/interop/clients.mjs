import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from './process.mjs';

const NODE = { command: 'node', args: ['--version'], least: [20, 19] };
const PYTHON = { command: 'python3', args: ['--version'], least: [3, 11] };
const GO = { command: 'go', args: ['version'], least: [1, 24] };
const CARGO = { command: 'cargo', args: ['--version'], least: [1, 91] };

/**
 * The clients, each with the toolchain it `needs` and with `prepare`, which installs or compiles it and resolves to the command that runs it. What takes
 * long to make is kept under `work` and reused as long as what it is made from is the same.
 */
export function clients(root, work) {
  const source = join(root, 'test', 'interop');
  return [
    { name: 'buf curl, by reflection alone', needs: NODE, prepare: async () => [process.execPath, join(source, 'buf-curl', 'client.mjs')] },
    { name: 'npm @phala/dstack-sdk', needs: NODE, prepare: () => jsSdk(join(source, 'js-sdk')) },
    { name: 'Python: generated gRPC, PyPI dstack-sdk', needs: PYTHON, prepare: () => python(join(source, 'python'), join(work, 'python')) },
    { name: 'Go: generated Connect, gRPC, gRPC-Web', needs: GO, prepare: () => go(root, join(source, 'go'), join(work, 'go')) },
    { name: 'crates.io dstack-sdk', needs: CARGO, prepare: () => rust(join(source, 'rust'), join(work, 'rust')) },
  ];
}

async function jsSdk(source) {
  await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: source });
  return [process.execPath, join(source, 'client.mjs')];
}

async function python(source, work) {
  const requirements = readFileSync(join(source, 'requirements.txt'), 'utf8');
  const stamp = join(work, 'installed.txt');
  const interpreter = join(work, 'venv', 'bin', 'python');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== requirements) {
    await run('python3', ['-m', 'venv', '--clear', join(work, 'venv')], {});
    const options = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:'];
    await run(interpreter, ['-m', 'pip', 'install', ...options, '--requirement', join(source, 'requirements.txt')], {});
    writeFileSync(stamp, requirements);
  }
  // -B: no compiled files among the sources.
  return [interpreter, '-B', join(source, 'client.py')];
}

async function go(root, source, work) {
  copy(source, work);
  const bin = join(work, 'bin');
  mkdirSync(bin, { recursive: true });
  const plugins = ['google.golang.org/protobuf/cmd/protoc-gen-go', 'connectrpc.com/connect/cmd/protoc-gen-connect-go'];
  const env = { GOWORK: 'off', PATH: `${bin}${delimiter}${process.env.PATH}` };
  await run('go', ['build', '-o', bin, ...plugins], { cwd: work, env });
  const generate = ['generate', '--template', join(source, 'buf.gen.yaml'), '--output', work];
  await run(join(root, 'node_modules', '.bin', 'buf'), generate, { cwd: root, env });
  await run('go', ['test', '-c', '-o', join(bin, 'interop.test'), '.'], { cwd: work, env });
  return [join(bin, 'interop.test'), '-test.v', '-test.failfast'];
}

async function rust(source, work) {
  copy(source, work);
  await run('cargo', ['build', '--quiet', '--locked'], { cwd: work });
  return [join(work, 'target', 'debug', 'dstack-interop')];
}

/** Compilers leave files beside their sources, so they get a copy; its times are kept, so that nothing is compiled twice. */
function copy(source, work) {
  cpSync(source, work, { recursive: true, preserveTimestamps: true });
}
