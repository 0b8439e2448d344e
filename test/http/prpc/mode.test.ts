import { describe, expect, it } from 'vitest';
import { prpcMode } from '../../../src/http/prpc/mode.js';

const JSON_THROUGHOUT = { dispatch: 'json', beforeDispatch: 'json' };
const JSON_BY_CONTENT_TYPE = { dispatch: 'json', beforeDispatch: 'protobuf' };
const PROTOBUF = { dispatch: 'protobuf', beforeDispatch: 'protobuf' };

describe('the verb', () => {
  it('makes GET and HEAD always JSON', () => {
    for (const verb of ['GET', 'HEAD']) {
      expect(prpcMode(verb, null, null)).toEqual(JSON_THROUGHOUT);
      expect(prpcMode(verb, 'json=0', 'application/octet-stream')).toEqual(JSON_THROUGHOUT);
    }
  });
});

describe('the query field json', () => {
  it.each(['json', 'json=', 'json=1', 'json=true', 'a=1&json', 'json&json=no', '%6ason', 'json=1&a=%ff', 'json=1#x', 'json#x', '&&json'])(
    '%s asks for JSON',
    (query) => {
      expect(prpcMode('POST', query, null)).toEqual(JSON_THROUGHOUT);
    },
  );

  it.each(['', 'json=yes', 'json=TRUE', 'json=0', 'json=false', 'json=%31', 'json=yes&json=1', 'JSON', 'jsonx', 'xjson', 'a=json', 'a#json', '%ff=1'])(
    '%s does not',
    (query) => {
      expect(prpcMode('POST', query, null)).toEqual(PROTOBUF);
    },
  );
});

describe('the content type', () => {
  it.each([
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;charset=utf-8',
    ' application/json ',
    'application/json, application/json',
  ])('%s is JSON once a method is looked for', (contentType) => {
    expect(prpcMode('POST', null, contentType)).toEqual(JSON_BY_CONTENT_TYPE);
    expect(prpcMode('POST', 'json=0', contentType)).toEqual(JSON_BY_CONTENT_TYPE);
    expect(prpcMode('POST', 'json', contentType)).toEqual(JSON_THROUGHOUT);
  });

  it.each(['text/json', 'application/problem+json', 'application/octet-stream', 'application/jsonx', 'application/x-www-form-urlencoded', ''])(
    '%s is not',
    (contentType) => {
      expect(prpcMode('POST', null, contentType)).toEqual(PROTOBUF);
    },
  );
});
