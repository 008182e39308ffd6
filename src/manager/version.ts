/** The program's own version, read once from package.json. */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import * as z from 'zod';
import {packageFolder} from './bundle.js';

let cached: string | undefined;

/** Version of this installation, like `0.1.0`. */
export function programVersion(): string {
  cached ??= z
    .object({version: z.string()})
    .parse(JSON.parse(readFileSync(join(packageFolder(), 'package.json'), 'utf8'))).version;
  return cached;
}
