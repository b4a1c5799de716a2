// Who may import whom. Imports point down this list: a folder may import those of later rows,
// never another one of its own row or of an earlier row.
const layers = [
  ['cli'],
  ['once', 'cache', 'document', 'rules'],
  ['command', 'merge', 'download'],
  ['json', 'content'],
  ['lock'],
  ['events'],
  ['engine'],
  ['storage'],
  ['errors'],
  ['identity'],
  ['binding', 'trace', 'copies'],
  ['time'],
];
const engines = ['kernel', 'portable', 'memory', 'postgres', 'etcd', 'redis'];
const entryPoints =
  '^src/(index|cli/(main|shim)|once/command/(runner|keeper)|(once|cache|document|merge|rules)/index)\\.ts$';

const folders = layers.flat();
const any = (names) => `(${names.join('|')})`;

const downwards = layers.flatMap((row, depth) =>
  row.map((folder) => {
    const forbidden = layers
      .slice(0, depth + 1)
      .flat()
      .filter((name) => name !== folder);
    return {
      name: `${folder}-imports-downwards`,
      severity: 'error',
      from: { path: `^src/${folder}/` },
      to: { path: `^src/(${[...forbidden.map((name) => `${name}/`), 'index\\.ts$'].join('|')})` },
    };
  }),
);

const enginesArePrivate = engines.flatMap((engine) => [
  {
    name: `${engine}-has-one-door`,
    comment: `From outside its folder, an engine is reached by ${engine}/${engine}.ts only.`,
    severity: 'error',
    from: { path: '^src/', pathNot: `^src/engine/${engine}/` },
    to: { path: `^src/engine/${engine}/`, pathNot: `^src/engine/${engine}/${engine}\\.ts$` },
  },
  {
    name: `${engine}-is-opened-by-lock`,
    severity: 'error',
    from: { path: '^src/', pathNot: '^src/(lock|engine)/' },
    to: { path: `^src/engine/${engine}/` },
  },
]);

module.exports = {
  forbidden: [
    ...downwards,
    ...enginesArePrivate,
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: [entryPoints, '\\.d\\.ts$'] },
      to: {},
    },
    {
      name: 'known-folders',
      comment: 'A new folder of src/ needs its place in the layers above.',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(index\\.ts$|${any(folders)}/)` },
      to: {},
    },
    {
      name: 'index-exports-the-concept',
      severity: 'error',
      from: { path: '^src/index\\.ts$' },
      to: { path: '^src/', pathNot: '^src/(lock|events|errors|engine)/' },
    },
    {
      name: 'index-exports-engine-types',
      severity: 'error',
      from: { path: '^src/index\\.ts$' },
      to: { path: '^src/engine/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'commander-is-for-cli',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { path: 'node_modules/commander/' },
    },
    {
      name: 'undici-is-for-downloads',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/download/' },
      to: { path: 'node_modules/undici/' },
    },
    {
      name: 'commands-start-in-command',
      comment: 'One mechanism starts wrapped commands. The cli itself starts nothing but holdfast.',
      severity: 'error',
      from: { path: '^src/cli/', pathNot: '^src/cli/doctor/partner\\.ts$' },
      to: { path: '^(node:)?child_process$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'runs-are-the-library-s',
      comment:
        'The cli prints what it is given: it starts no run, opens no log, and signals no group by itself.',
      severity: 'error',
      from: { path: '^src/cli/', pathNot: '^src/cli/report\\.ts$' }, // which tells its errors
      to: {
        path: [
          '^src/once/command/(execute|keep|keeper|log-file|runner)\\.ts$',
          '^src/command/(start|signals/process-group)\\.ts$',
        ],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'logs-are-opened-by-the-library',
      severity: 'error',
      from: { path: '^src/cli/(once/|commands/once\\.ts)' },
      to: { path: ['^src/storage/(own-file|private-files)\\.ts$', '^(node:)?fs$'] },
    },
    {
      name: 'no-development-dependencies',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
