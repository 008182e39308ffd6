/**
 * The exports of a CommonJS package that was imported with `import * as`: Node gives them under `default`, the bundler
 * gives them directly.
 */
export function commonJs<T extends object>(module: T): T {
  return (module as T & {default?: T}).default ?? module;
}
