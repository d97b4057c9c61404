/** Panels on one screen ask for one metric each; what they ask at the same moment goes out as one request. */
import { readSeries, type SeriesQuestion } from "../api/runyard.ts";
import { type Series, seriesOf } from "./series.ts";

export type PanelQuestion = Omit<SeriesQuestion, "keys"> & { key: string };

interface Waiting {
  question: PanelQuestion;
  resolve: (series: Series[]) => void;
  reject: (error: unknown) => void;
}

const GATHER_MS = 5;
const KEYS_PER_REQUEST = 50;
const waiting = new Map<string, Waiting[]>();

async function answer(asked: Waiting[]): Promise<void> {
  const first = asked[0];
  if (!first) return;
  const { key: _, ...question } = first.question;
  const keys = [...new Set(asked.map((one) => one.question.key))];
  try {
    const series = (await readSeries({ ...question, keys })).map(seriesOf);
    for (const one of asked) one.resolve(series.filter(({ key }) => key === one.question.key));
  } catch (error) {
    for (const one of asked) one.reject(error);
  }
}

function release(group: string): void {
  const asked = waiting.get(group) ?? [];
  waiting.delete(group);
  for (let at = 0; at < asked.length; at += KEYS_PER_REQUEST) {
    void answer(asked.slice(at, at + KEYS_PER_REQUEST));
  }
}

export function loadSeries(question: PanelQuestion): Promise<Series[]> {
  const { key: _, ...shared } = question;
  const group = JSON.stringify(shared);
  return new Promise((resolve, reject) => {
    const asked = waiting.get(group);
    if (asked) {
      asked.push({ question, resolve, reject });
      return;
    }
    waiting.set(group, [{ question, resolve, reject }]);
    setTimeout(() => release(group), GATHER_MS);
  });
}
