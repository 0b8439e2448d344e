import { GetTlsKeyArgsSchema, SignRequestSchema } from '../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import { SignCertRequestSchema } from '../../gen/dstack/kms/v1/kms_pb.js';
import { decodePrpcBinary } from '../../src/http/prpc/decode-binary.js';
import { decodePrpcJson } from '../../src/http/prpc/decode-json.js';
import { decodePrpcQuery } from '../../src/http/prpc/decode-query.js';
import { encodePrpcJson } from '../../src/http/prpc/encode-json.js';
import { mutateJson } from '../engine/codec-mutator.js';
import { anyOf } from '../engine/properties.js';
import { check, type Target } from '../engine/target.js';

const refusals = new Set(['INVALID_ARGUMENT']);
/** Between them they have fields of every kind a request has. */
const schemas = [GetTlsKeyArgsSchema, SignRequestSchema, SignCertRequestSchema] as const;

/** Requests in the prpc dialect: JSON bodies, protobuf bodies and queries. */
export const target: Target = {
  maxLength: 1 << 12,
  refusals,
  dictionary: ['"\\ud800"', '1e999', '[[[[', 'alt_names[0]=a', '&usage_ra_tls=true', '%f0%9f', '18446744073709551616'].map((text) => Buffer.from(text)),
  mutators: [mutateJson],
  run: (input) =>
    anyOf(
      refusals,
      schemas.flatMap((schema) => [
        () => {
          const written = encodePrpcJson(schema, decodePrpcJson(schema, input));
          check(encodePrpcJson(schema, decodePrpcJson(schema, written)) === written, 'a message survives its JSON form');
        },
        () => void decodePrpcBinary(schema, input),
        () => void decodePrpcQuery(schema, Buffer.from(input).toString('latin1')),
      ]),
    ),
};
