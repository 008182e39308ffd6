/** What follows the chunks of RAM in the file of a saved machine, in one piece: head, table, footer. */
import {crc32} from 'node:zlib';
import {packWhole} from './chunk-packing.js';
import {type ChunkRow, encodeFooter, encodeTable, type SaveHead} from './format.js';

/** Encodes it for a file that is `offset` bytes long so far. Rows are sorted into the order in which they are read. */
export async function encodeEnd(offset: number, head: SaveHead, rows: readonly ChunkRow[]): Promise<Buffer> {
  const content = Buffer.from(JSON.stringify(head));
  const stored = await packWhole(content);
  const table = encodeTable([...rows].sort((a, b) => a.source - b.source || a.offset - b.offset));
  const footer = encodeFooter({
    head: {offset, storedBytes: stored.length, checksum: crc32(content)},
    table: {offset: offset + stored.length, count: rows.length, checksum: crc32(table)},
  });
  return Buffer.concat([stored, table, footer]);
}
