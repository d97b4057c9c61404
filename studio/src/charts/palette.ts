/** Colours of runs: twelve that stay apart for colour-blind people, in a light and a dark coat. */

export const LIGHT_COLOURS = [
  "#0068a8",
  "#c84e00",
  "#00845e",
  "#b5488a",
  "#8a6a00",
  "#2f8fc4",
  "#5a3fa0",
  "#8c4a36",
  "#2c7a2c",
  "#94234f",
  "#2a8f86",
  "#33358f",
] as const;

export const DARK_COLOURS = [
  "#58aef0",
  "#ff9456",
  "#35cf9f",
  "#ef9fd0",
  "#e3bd45",
  "#9bd7f7",
  "#b49aec",
  "#d3a393",
  "#86cf7e",
  "#ff6683",
  "#6fdccf",
  "#9b9af2",
] as const;

export const colourCount = LIGHT_COLOURS.length;

export function colour(slot: number, theme: "light" | "dark"): string {
  const colours = theme === "dark" ? DARK_COLOURS : LIGHT_COLOURS;
  return colours[slot % colours.length] ?? colours[0];
}

/** Beyond the twelve, lines are told apart by their dashes as well. */
export function dash(slot: number): number[] {
  const round = Math.floor(slot / colourCount);
  if (round === 0) return [];
  return round % 2 === 1 ? [6, 4] : [2, 3];
}

/** The first of them are the furthest apart: a few runs share these alone. */
const CORE = 7;

function preferred(runId: string): number {
  let sum = 0;
  for (let at = 0; at < runId.length; at += 1) sum = (sum * 31 + runId.charCodeAt(at)) >>> 0;
  return sum % CORE;
}

/**
 * Give every run a slot: its own favourite one when it is free, else the next free one. A run keeps its slot
 * as long as `known` is passed on, so that colours don't jump when runs come and go.
 */
export function slots(runIds: string[], known: ReadonlyMap<string, number>): Map<string, number> {
  const given = new Map<string, number>();
  const taken = new Set<number>();
  for (const runId of runIds) {
    const slot = known.get(runId);
    if (slot === undefined || taken.has(slot)) continue;
    given.set(runId, slot);
    taken.add(slot);
  }
  for (const runId of runIds) {
    if (given.has(runId)) continue;
    const first = preferred(runId);
    let slot = first;
    // Once round the core, then on through the palette, then again with dashes.
    for (let tries = 1; taken.has(slot); tries += 1) slot = tries < CORE ? (first + tries) % CORE : tries;
    given.set(runId, slot);
    taken.add(slot);
  }
  return given;
}
