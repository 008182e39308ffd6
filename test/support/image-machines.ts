import type {ImageStoreOptions} from '../../src/manager/image/image-store.js';

/** For stores whose images need no machine to be made: there is none. */
export const noMachines: ImageStoreOptions['machines'] = {
  run: () => Promise.reject(new Error('this image needs no machine')),
  endLeft: async () => undefined,
};
