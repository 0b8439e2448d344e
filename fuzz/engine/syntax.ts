/** A node of an ESTree syntax tree: its own fields by name. */
type SyntaxNode = Readonly<Record<string, unknown>> & { readonly type: string; readonly start: number; readonly end: number };

/** Text to put around the source from `start` to `end`, `#` standing for a counter. */
export interface Branch {
  readonly start: number;
  readonly end: number;
  readonly before: string;
  readonly after: string;
}

/** Everything that may or may not be run: function bodies, both ways of a condition, loops, cases, handlers. Outermost first. */
export function branchesOf(program: unknown): Branch[] {
  const branches: Branch[] = [];
  visit(program, (node) => branches.push(...branchesAt(node)));
  return branches;
}

/** Texts of at most 64 characters and integers above 255 in the program: what inputs are compared with. */
export function literalsOf(program: unknown): (string | number)[] {
  const found = new Set<string | number>();
  visit(program, ({ type, value }) => {
    if (type !== 'Literal') return;
    if (typeof value === 'string' && value.length > 1 && value.length <= 64 && !value.startsWith('.')) found.add(value);
    if (typeof value === 'number' && Number.isInteger(value) && value > 255 && value <= 0xffff_ffff) found.add(value);
  });
  return [...found];
}

function visit(value: unknown, at: (node: SyntaxNode) => void): void {
  if (Array.isArray(value)) for (const item of value) visit(item, at);
  if (!isNode(value)) return;
  at(value);
  for (const key in value) if (key !== 'type') visit(value[key], at);
}

function branchesAt(node: SyntaxNode): Branch[] {
  switch (node.type) {
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return isNode(node['body']) && node['body'].type === 'BlockStatement' ? [statement(node['body'])] : expression(node['body']);
    case 'IfStatement':
      return alternatives(node);
    case 'ConditionalExpression':
      return [...expression(node['consequent']), ...expression(node['alternate'])];
    case 'LogicalExpression':
      return expression(node['right']);
    case 'ForStatement':
    case 'ForOfStatement':
    case 'ForInStatement':
    case 'WhileStatement':
    case 'DoWhileStatement':
    case 'CatchClause':
      return isNode(node['body']) ? [statement(node['body'])] : [];
    case 'SwitchCase':
      return caseStart(node);
    default:
      return [];
  }
}

function alternatives({ consequent, alternate }: SyntaxNode): Branch[] {
  if (!isNode(consequent)) return [];
  if (isNode(alternate)) return [statement(consequent), statement(alternate)];
  return consequent.type === 'BlockStatement'
    ? [statement(consequent), { start: consequent.start, end: consequent.end, before: '', after: ' else { #; }' }]
    : [{ start: consequent.start, end: consequent.end, before: '{ #; ', after: ' } else { #; }' }];
}

/** A block gets the counter as its first statement, another statement becomes a block. */
function statement({ type, start, end }: SyntaxNode): Branch {
  return type === 'BlockStatement' ? { start: start + 1, end: start + 1, before: ' #; ', after: '' } : { start, end, before: '{ #; ', after: ' }' };
}

function expression(node: unknown): Branch[] {
  return isNode(node) ? [{ start: node.start, end: node.end, before: '(#, ', after: ')' }] : [];
}

function caseStart({ consequent }: SyntaxNode): Branch[] {
  const first: unknown = Array.isArray(consequent) ? consequent[0] : undefined;
  return isNode(first) ? [{ start: first.start, end: first.start, before: '#; ', after: '' }] : [];
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' && 'start' in value;
}
