import {addressIn} from '../arguments.js';
import {
  SBI_ERR_INVALID_PARAM,
  SBI_ERR_NOT_SUPPORTED,
  SBI_SUCCESS,
  type SbiCall,
  type SbiExtension,
  type SbiHost,
} from '../contract.js';

/**
 * Debug console: early boot output before a kernel has drivers.
 * Source: RISC-V SBI 2.0 chapter 12
 */
export const dbcn: SbiExtension = {
  name: 'DBCN',
  ids: [0x4442_434e],
  call(call, host, reply) {
    switch (call.function) {
      case 0: {
        const bytes = bufferIn(call, host);
        if (bytes === undefined) return SBI_ERR_INVALID_PARAM;
        reply.valueLow = host.consoleWrite(bytes);
        return SBI_SUCCESS;
      }
      case 1: {
        const bytes = bufferIn(call, host);
        if (bytes === undefined) return SBI_ERR_INVALID_PARAM;
        host.memory.prepareWrite(addressIn(call, 1), bytes.length);
        reply.valueLow = host.consoleRead(bytes);
        if (reply.valueLow > 0) host.memory.markWritten(addressIn(call, 1), reply.valueLow);
        return SBI_SUCCESS;
      }
      case 2:
        host.consoleWriteByte(call.low(0) & 0xff);
        return SBI_SUCCESS;
      default:
        return SBI_ERR_NOT_SUPPORTED;
    }
  },
};

/** The caller's buffer (length, address low, address high in arguments 0–2), or undefined when it is not all RAM. */
function bufferIn(call: SbiCall, host: SbiHost): Uint8Array<SharedArrayBuffer> | undefined {
  const isBeyond64Bits = call.low(2) !== 0 || call.high(2) !== 0;
  return isBeyond64Bits ? undefined : host.memory.bytes(addressIn(call, 1), addressIn(call, 0));
}
