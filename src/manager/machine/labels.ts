import {ManagerError} from '../protocol/errors.js';
import {type LabelChange, type Labels, MAX_TAGS} from '../protocol/labels.js';

/** Labels after a change, tags in order and each once. Errors: bad-request when they become too many */
export function changeLabels(before: Labels | undefined, {group, addTags, removeTags}: LabelChange): Labels {
  const tags = new Set(before?.tags);
  for (const tag of removeTags) tags.delete(tag);
  for (const tag of addTags) tags.add(tag);
  if (tags.size > MAX_TAGS)
    throw new ManagerError('bad-request', `A machine has at most ${MAX_TAGS} tags.`, 'Take some away first.');
  const kept = group === undefined ? before?.group : (group ?? undefined);
  return {tags: [...tags].sort(), ...(kept === undefined ? {} : {group: kept})};
}
