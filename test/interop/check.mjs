/** Runs one named check and reports it on a line of its own; the first that fails ends the client. */
export async function check(name, run) {
  try {
    await run();
  } catch (cause) {
    process.stdout.write(`not ok - ${name}\n`);
    throw cause;
  }
  process.stdout.write(`ok - ${name}\n`);
}
