import {
  SBI_ERR_INVALID_PARAM,
  SBI_ERR_NOT_SUPPORTED,
  SBI_SUCCESS,
  type SbiCall,
  type SbiExtension,
  type SbiHost,
} from '../contract.js';
import {isHartMaskValid, isInHartMask} from '../hart-mask.js';

const REMOTE_FENCE_I = 0; // 1 is remote_sfence_vma
const REMOTE_SFENCE_VMA_ASID = 2;
const MAX_ASID = 0xffff;

/**
 * Remote fences. The guest fences of functions 3 to 6 need the hypervisor extension, which harts here lack.
 * Allocates nothing.
 * Source: RISC-V SBI 2.0 chapter 8
 */
export const rfence: SbiExtension = {
  name: 'RFENCE',
  ids: [0x5246_4e43],
  call(call, host) {
    if (call.function < REMOTE_FENCE_I || call.function > REMOTE_SFENCE_VMA_ASID) return SBI_ERR_NOT_SUPPORTED;
    if (!isHartMaskValid(call, host)) return SBI_ERR_INVALID_PARAM;
    const asid = call.function === REMOTE_SFENCE_VMA_ASID ? asidOf(call) : -1;
    for (let hart = 0; hart < host.hartCount; hart++) {
      if (isInHartMask(call, hart)) fence(call, host, hart, asid);
    }
    host.waitForFences(call.hart);
    return SBI_SUCCESS;
  },
};

function fence(call: SbiCall, host: SbiHost, hart: number, asid: number): void {
  if (call.function === REMOTE_FENCE_I) host.remoteFenceI(hart);
  else host.remoteSfence(hart, call.low(2), call.high(2), call.low(3), call.high(3), asid);
}

/** An address space no hart can have selects all of them: forgetting too much is never wrong. */
function asidOf(call: SbiCall): number {
  return call.high(4) === 0 && call.low(4) <= MAX_ASID ? call.low(4) : -1;
}
