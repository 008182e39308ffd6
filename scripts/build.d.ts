import type {BuildOptions} from 'esbuild';

/** Builds every entry of the bundle into dist/. */
export function build(): Promise<void>;

/** What every bundle of the project is made with. */
export const bundleOptions: BuildOptions;
