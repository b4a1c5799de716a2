// Serves one content of the size that is asked for, from memory, with ranges; says its port.
import { createServer } from 'node:http';
import { pipeline } from 'node:stream';

const { bytes } = JSON.parse(process.argv[2] ?? '{}');
const block = Buffer.alloc(1024 * 1024, 'the same words again and again ');

const server = createServer((request, response) => {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  response.writeHead(start === 0 ? 200 : 206, {
    ETag: '"one"',
    'Content-Length': bytes - start,
    ...(start === 0 ? {} : { 'Content-Range': `bytes ${start}-${bytes - 1}/${bytes}` }),
  });
  pipeline(blocks(bytes - start), response, () => {});
});

/** @param {number} left */
function* blocks(left) {
  for (; left > 0; left -= block.length) yield left < block.length ? block.subarray(0, left) : block;
}

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.(typeof address === 'object' ? address?.port : undefined);
});
