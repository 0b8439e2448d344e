import type { Readable } from 'node:stream';

/** The body of an answer was larger than anybody should send. */
export class BodyTooLarge extends Error {}

/**
 * The whole body, at most `maxBytes`.
 * @throws BodyTooLarge, and whatever reading the stream throws
 */
export async function boundedBytes(body: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) {
      body.destroy();
      throw new BodyTooLarge(`answer is larger than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The same as UTF-8 text. */
export async function boundedText(body: Readable, maxBytes: number): Promise<string> {
  return (await boundedBytes(body, maxBytes)).toString('utf8');
}
