import {
  SBI_ERR_NOT_SUPPORTED,
  type SbiCall,
  type SbiDirectory,
  type SbiExtension,
  type SbiHost,
  type SbiReply,
} from './contract.js';
import * as registry from './extensions/registry.js';

const extensionsById = new Map<number, SbiExtension>(
  Object.values(registry).flatMap((extension: SbiExtension) => extension.ids.map((id) => [id, extension] as const)),
);

const directory: SbiDirectory = {has: (id, host) => offered(id, host) !== undefined};

/** A reply object for a hart to reuse call after call. */
export function createSbiReply(): SbiReply {
  return {registers: 'both', error: 0, valueLow: 0, valueHigh: 0};
}

/**
 * Answers an SBI call: acts through `host` and fills in `reply`. Unknown extensions and functions answer
 * SBI_ERR_NOT_SUPPORTED; nothing a guest passes makes this throw.
 * Source: RISC-V SBI 2.0
 */
export function handleSbi(call: SbiCall, host: SbiHost, reply: SbiReply): void {
  reply.registers = 'both';
  reply.valueLow = 0;
  reply.valueHigh = 0;
  const extension = offered(call.extension, host);
  reply.error = extension === undefined ? SBI_ERR_NOT_SUPPORTED : extension.call(call, host, reply, directory);
}

function offered(id: number, host: SbiHost): SbiExtension | undefined {
  const extension = extensionsById.get(id);
  return extension?.isAvailable?.(host) === false ? undefined : extension;
}
