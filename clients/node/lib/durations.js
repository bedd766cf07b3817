/** Durations: "3 days", "90 minutes", or ISO 8601. */

const UNITS = { week: 'P#W', day: 'P#D', hour: 'PT#H', minute: 'PT#M', second: 'PT#S' };

/** The duration in ISO 8601. Throws TypeError. */
export function toIso(duration) {
  if (/^P/.test(duration)) return duration;
  const [, count, unit] = /^\s*(\d+(?:\.\d+)?)\s*(week|day|hour|minute|second)s?\s*$/.exec(duration) ?? [];
  if (unit === undefined) {
    throw new TypeError(`a duration is a text such as "3 days", "90 minutes" or "PT1H30M", not ${JSON.stringify(duration)}`);
  }
  return UNITS[unit].replace('#', count);
}
