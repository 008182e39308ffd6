/** What a save may stand on: where the pages of an older state of the same machine are stored. */
import {CHUNK_PIECES_MAX, type ChunkPiece} from './format.js';

/** A piece of a chunk, and the file it lies in. */
export interface BasePiece extends ChunkPiece {
  readonly file: string;
}

/** The state in the file `id`: pieces by chunk index. Files are called by their names less `.state`. */
export interface SavedBase {
  readonly id: string;
  readonly pieces: ReadonlyMap<number, readonly BasePiece[]>;
}

const NAMED = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.state$/;

/** What a file name calls such a state; undefined for any other file. */
export function stateIdOf(fileName: string): string | undefined {
  return NAMED.exec(fileName)?.[1];
}

/** Name of the file of a state that others may stand on. */
export function stateFileName(id: string): string {
  return `${id}.state`;
}

/** Whether each chunk may get one more piece: nothing of it has to be read to be stored anew. */
export function hasRoom({pieces}: SavedBase): boolean {
  return [...pieces.values()].every((chunk) => chunk.length < CHUNK_PIECES_MAX);
}

/** All files that a state is made of, its own included. */
export function filesOf({id, pieces}: SavedBase): Set<string> {
  const files = new Set([id]);
  for (const chunk of pieces.values()) for (const {file} of chunk) files.add(file);
  return files;
}
