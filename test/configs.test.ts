/** Files in configs/: valid, and the JSON Schemas beside them fresh (`npx vitest run test/configs.test.ts -u` writes them). */
import {readdirSync, readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {expect, it} from 'vitest';
import {z} from 'zod';
import {recipeSchema} from '../src/manager/image/recipe.js';
import {settingsSchema} from '../src/manager/settings/settings.js';

const configs = join(dirname(fileURLToPath(import.meta.url)), '../configs');
const read = (path: string): unknown => JSON.parse(readFileSync(join(configs, path), 'utf8'));
const recipes = readdirSync(join(configs, 'images')).filter((name) => name.endsWith('.json'));

it.each([
  ['daemon', settingsSchema],
  ['image', recipeSchema],
] as const)('the schema of %s files is what the code accepts', async (name, schema) => {
  const text = JSON.stringify(z.toJSONSchema(schema), null, 2);
  await expect(`${text}\n`).toMatchFileSnapshot(join(configs, 'schema', `${name}.json`));
});

it('the daemon accepts its own defaults', () => {
  expect(settingsSchema.safeParse(read('daemon.json')).error).toBeUndefined();
});

it.each(recipes)('the recipe %s is one', (name) => {
  expect(recipeSchema.safeParse(read(join('images', name))).error).toBeUndefined();
});
