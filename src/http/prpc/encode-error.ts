import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { ServiceCode } from '../../errors/service-error.js';
import { asciiJsonString } from './encode-json.js';

const TAG_MESSAGE = (1 << 3) | 2;
const TAG_CODE = (2 << 3) | 2;

/**
 * The body of a failed call in JSON mode: `error` first, then our `code`, indented by two spaces
 * (spec/prpc.md section 8, spec/api.md section 2.1). Pure ASCII. `code` null leaves that key out.
 */
export function encodePrpcErrorJson(text: string, code: ServiceCode | null): string {
  const error = `  "error": ${asciiJsonString(text)}`;
  return code === null ? `{\n${error}\n}` : `{\n${error},\n  "code": ${asciiJsonString(code)}\n}`;
}

/** The body of a failed call in protobuf mode: text in field 1, our code in field 2. `code` null leaves field 2 out. */
export function encodePrpcErrorBinary(text: string, code: ServiceCode | null): Uint8Array {
  const writer = new BinaryWriter().uint32(TAG_MESSAGE).string(text);
  if (code !== null) writer.uint32(TAG_CODE).string(code);
  return writer.finish();
}
