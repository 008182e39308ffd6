/**
 * Fused handlers: sequences of instructions that run as one, chosen by how often they occur in a Debian boot and in the
 * benchmark kernels (`npm run bench -- --sequences` counts them). `name/2` is the compressed length. A sequence of three
 * needs its first two in the list as well.
 */
export const fusedSequences: readonly string[] = [];
