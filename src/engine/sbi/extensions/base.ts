import {SBI_ERR_NOT_SUPPORTED, SBI_SUCCESS, type SbiExtension, type SbiReply} from '../contract.js';

/** Version of the specification served: major 2 in bits 30:24, minor 0. */
const SPEC_VERSION = 0x0200_0000;
/** "VIV". Implementation ids are registered with RISC-V International; this one is not, and far from those that are. */
const IMPLEMENTATION_ID = 0x56_4956;
const IMPLEMENTATION_VERSION = 0x0001_0000;

/**
 * Base: which SBI this is and what it offers.
 * Source: RISC-V SBI 2.0 chapter 4
 */
export const base: SbiExtension = {
  name: 'BASE',
  ids: [0x10],
  call(call, host, reply, directory) {
    switch (call.function) {
      case 0:
        return answer(reply, SPEC_VERSION);
      case 1:
        return answer(reply, IMPLEMENTATION_ID);
      case 2:
        return answer(reply, IMPLEMENTATION_VERSION);
      case 3:
        return answer(reply, directory.has(call.low(0) | 0, host) ? 1 : 0);
      case 4:
        return answer(reply, host.vendorId);
      case 5:
        return answer(reply, host.architectureId);
      case 6:
        return answer(reply, host.implementationId);
      default:
        return SBI_ERR_NOT_SUPPORTED;
    }
  },
};

function answer(reply: SbiReply, value: number): number {
  reply.valueLow = value;
  return SBI_SUCCESS;
}
