import type {Embedded} from './client/embedded.js';

export declare function createEmbedded(): Promise<Embedded>;
