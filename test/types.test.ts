import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, { readonly types?: string }>;
};
/** A program that uses them all. */
const caller = fileURLToPath(new URL('./fixtures/caller.ts', import.meta.url));
/** The declarations of each entry point, by its name. */
const entries = Object.entries(exports).flatMap(([name, { types }]) =>
  types === undefined ? [] : [[join('holdfast', name), types.replace('./dist', 'src')] as const],
);

/** The declarations that a build would write, and a program of them. */
function declarations(): ts.Program {
  const options: ts.CompilerOptions = {
    ...ts.parseJsonConfigFileContent(
      ts.readConfigFile(join(root, 'tsconfig.build.json'), ts.sys.readFile).config,
      ts.sys,
      root,
    ).options,
    ...{
      emitDeclarationOnly: true,
      declarationMap: false,
      sourceMap: false,
      outDir: join(root, 'src'),
      noCheck: true,
    },
  };
  const written = new Map<string, string>();
  const sources = entries.map(([, file]) => join(root, file.replace(/\.d\.ts$/, '.ts')));
  ts.createProgram(sources, options).emit(
    undefined,
    (file, text) => void written.set(file, text),
    undefined,
    true,
  );
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (file) => written.has(file) || (!file.startsWith(join(root, 'src')) && fileExists(file));
  host.readFile = (file) => written.get(file) ?? readFile(file);
  host.getSourceFile = (file, ...rest) => {
    const text = written.get(file);
    return text === undefined
      ? getSourceFile(file, ...rest)
      : ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  };
  const files = [...written.keys()].filter((file) => file.endsWith('.d.ts'));
  const paths = Object.fromEntries(entries.map(([name, file]) => [name, [join(root, file)]]));
  return ts.createProgram(
    [...files, caller],
    { ...options, noEmit: true, emitDeclarationOnly: false, declaration: false, rootDir: root, paths },
    host,
  );
}

const program = declarations();
const checker = program.getTypeChecker();

/** What an entry point exports, by its declared symbol; a class of which only the type is exported is made by nobody. */
function exportsOf(file: string): ts.Symbol[] {
  const source = program.getSourceFile(join(root, file));
  const symbol = source === undefined ? undefined : checker.getSymbolAtLocation(source);
  if (symbol === undefined) throw new Error(`${file} was not written`);
  return checker.getExportsOfModule(symbol).map((exported) => {
    const found = original(exported);
    if (exported.declarations?.some((each) => ts.isTypeOnlyExportDeclaration(each))) onlyTypes.add(found);
    return found;
  });
}

function original(symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

const onlyTypes = new Set<ts.Symbol>();
const all = entries.flatMap(([name, file]) => exportsOf(file).map((symbol) => ({ name, symbol })));
const known = new Set(all.map(({ symbol }) => symbol));

/** Each declaration of what is exported, with all that is in it and open to callers. */
function nodesOf(symbol: ts.Symbol): ts.Node[] {
  const nodes: ts.Node[] = [];
  const visit = (node: ts.Node) => {
    const modifiers = ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : [];
    if (modifiers.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword)) return;
    if (ts.isConstructorDeclaration(node) && onlyTypes.has(symbol)) return;
    nodes.push(node);
    ts.forEachChild(node, visit);
  };
  for (const declaration of symbol.declarations ?? []) if (isOurs(declaration)) visit(declaration);
  return nodes;
}

function isOurs(node: ts.Node): boolean {
  return node.getSourceFile().fileName.startsWith(join(root, 'src'));
}

/** The types that are named in the declarations of an export, and are declared in this package. */
function namedIn(symbol: ts.Symbol): ts.Symbol[] {
  return nodesOf(symbol).flatMap((node) => {
    const name = ts.isTypeReferenceNode(node)
      ? node.typeName
      : ts.isExpressionWithTypeArguments(node)
        ? node.expression
        : ts.isImportTypeNode(node)
          ? node.qualifier
          : undefined;
    const found = name === undefined ? undefined : checker.getSymbolAtLocation(name);
    if (found === undefined || found.flags & ts.SymbolFlags.TypeParameter) return [];
    const named = original(found);
    const isNews = named.declarations?.some(isOurs) === true && named.name !== 'Date'; // ours is a global one
    return isNews ? [named] : [];
  });
}

/** The optional members of an export that take no undefined. */
function strictIn(symbol: ts.Symbol): string[] {
  return nodesOf(symbol).flatMap((node) => {
    if (!ts.isPropertySignature(node) && !ts.isPropertyDeclaration(node)) return [];
    if (node.questionToken === undefined || node.type === undefined) return [];
    const type = checker.getTypeFromTypeNode(node.type);
    const parts = type.isUnion() ? type.types : [type];
    const takes = ts.TypeFlags.Undefined | ts.TypeFlags.Unknown | ts.TypeFlags.Any;
    return parts.some(({ flags }) => (flags & takes) !== 0) ? [] : [`${symbol.name}: ${node.getText()}`];
  });
}

describe.each(entries)('%s', (name, file) => {
  it('exports every type that its declarations name [X48]', () => {
    const own = exportsOf(file);
    const missing = own.flatMap((symbol) =>
      namedIn(symbol)
        .filter((named) => !known.has(named))
        .map((named) => `${symbol.name} names ${named.name}`),
    );
    expect(own.length, name).toBeGreaterThan(2);
    expect([...new Set(missing)]).toEqual([]);
  });

  it('takes undefined for whatever may be left out, under exactOptionalPropertyTypes [X48]', () => {
    expect(exportsOf(file).flatMap(strictIn)).toEqual([]);
  });
});

it('a caller can pass on what may be undefined, in every option, and names all types [X48]', () => {
  const said = ts
    .getPreEmitDiagnostics(program, program.getSourceFile(caller))
    .map(({ file, start = 0, messageText }) => {
      const line = file?.getLineAndCharacterOfPosition(start).line ?? -1;
      return `${line + 1}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
  expect(said).toEqual([]);
});
