import type { DescService, MessageInitShape } from '@bufbuild/protobuf';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { HandlerContext } from '@connectrpc/connect';
import { Code } from '@connectrpc/connect';
import { ServerReflection, ServerReflectionRequestSchema, ServerReflectionResponseSchema } from '../../../gen/grpc/reflection/v1/reflection_pb.js';
import type { ServerReflectionRequest } from '../../../gen/grpc/reflection/v1/reflection_pb.js';
import * as v1alpha from '../../../gen/grpc/reflection/v1alpha/reflection_pb.js';
import type { ExtraRoutes, RunCall } from './fallback.js';
import { SchemaIndex } from './schema-index.js';

const PROCEDURE = `${ServerReflection.typeName}/ServerReflectionInfo`;
const PROCEDURE_ALPHA = `${v1alpha.ServerReflection.typeName}/ServerReflectionInfo`;

export const REFLECTION_PROCEDURES: readonly string[] = [PROCEDURE, PROCEDURE_ALPHA];

type Answer = MessageInitShape<typeof ServerReflectionResponseSchema>;
type Outcome = NonNullable<Answer['messageResponse']>;

/**
 * gRPC server reflection (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md), v1 and the
 * v1alpha that older tools ask for; the two differ in nothing but the package name. It tells the schema,
 * which is public, and nothing else.
 */
export function reflectionRoutes(services: readonly DescService[]): ExtraRoutes {
  const index = new SchemaIndex([...services, ServerReflection, v1alpha.ServerReflection]);
  return (router, run) => {
    router.rpc(ServerReflection.method.serverReflectionInfo, (requests, context) => answerAll(requests, index, PROCEDURE, context, run));
    router.rpc(v1alpha.ServerReflection.method.serverReflectionInfo, async function* (requests, context) {
      for await (const answer of answerAll(toV1(requests), index, PROCEDURE_ALPHA, context, run)) {
        const bytes = toBinary(ServerReflectionResponseSchema, create(ServerReflectionResponseSchema, answer));
        yield fromBinary(v1alpha.ServerReflectionResponseSchema, bytes);
      }
    });
  };
}

async function* toV1(requests: AsyncIterable<v1alpha.ServerReflectionRequest>): AsyncIterable<ServerReflectionRequest> {
  for await (const request of requests) yield fromBinary(ServerReflectionRequestSchema, toBinary(v1alpha.ServerReflectionRequestSchema, request));
}

async function* answerAll(
  requests: AsyncIterable<ServerReflectionRequest>,
  index: SchemaIndex,
  procedure: string,
  context: HandlerContext,
  run: RunCall,
): AsyncIterable<Answer> {
  await run(procedure, context, () => ({}));
  for await (const request of requests) {
    yield { validHost: request.host, originalRequest: request, messageResponse: outcome(request, index) };
  }
}

function outcome({ messageRequest: asked }: ServerReflectionRequest, index: SchemaIndex): Outcome {
  switch (asked.case) {
    case 'listServices':
      return { case: 'listServicesResponse', value: { service: index.services.map((name) => ({ name })) } };
    case 'fileByFilename':
      return files(index.file(asked.value));
    case 'fileContainingSymbol':
      return files(index.fileOfSymbol(asked.value));
    case 'fileContainingExtension':
      return files(index.fileOfExtension(asked.value.containingType, asked.value.extensionNumber));
    case 'allExtensionNumbersOfType': {
      const numbers = index.extensionNumbers(asked.value);
      if (numbers === null) return failure(Code.NotFound, 'unknown type');
      return { case: 'allExtensionNumbersResponse', value: { baseTypeName: asked.value, extensionNumber: [...numbers] } };
    }
    case undefined:
      return failure(Code.InvalidArgument, 'nothing asked for');
  }
}

function files(found: readonly Uint8Array[] | null): Outcome {
  if (found === null) return failure(Code.NotFound, 'not in the schema');
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto: [...found] } };
}

function failure(errorCode: Code, errorMessage: string): Outcome {
  return { case: 'errorResponse', value: { errorCode, errorMessage } };
}
