/** The files of a boot, whatever its kind: for those that copy, grant or rename them. */
import type {BootFiles} from '../hypervisor/contract.js';

/** By the names that archives have for them (see `archive/manifest.ts`), in their order there. */
export function bootParts(boot: BootFiles): Record<string, string> {
  switch (boot.kind) {
    case 'firmware':
      return {'firmware.elf': boot.elfPath};
    case 'disk':
      return {'loader.elf': boot.loaderPath};
    case 'linux': {
      const {kernelPath, initrdPath, loaderPath} = boot;
      return {
        kernel: kernelPath,
        ...(initrdPath === undefined ? {} : {initrd: initrdPath}),
        ...(loaderPath === undefined ? {} : {'loader.elf': loaderPath}),
      };
    }
  }
}

/** The same boot with other paths; it may be one of a machine's definition as well. */
export function withBootPaths<Boot extends BootFiles>(boot: Boot, change: (path: string) => string): Boot {
  switch (boot.kind) {
    case 'firmware':
      return {...boot, elfPath: change(boot.elfPath)};
    case 'disk':
      return {...boot, loaderPath: change(boot.loaderPath)};
    case 'linux': {
      const {kernelPath, initrdPath, loaderPath} = boot;
      return {
        ...boot,
        kernelPath: change(kernelPath),
        ...(initrdPath === undefined ? {} : {initrdPath: change(initrdPath)}),
        ...(loaderPath === undefined ? {} : {loaderPath: change(loaderPath)}),
      };
    }
  }
}
