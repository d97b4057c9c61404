/** Many runs to the trash and back. */
import { plural } from "../parts/format.ts";
import { failureText } from "../parts/States.tsx";

/** So many go by one call: few enough to tell how far it is, and to be over within a moment. */
export const MOVED_AT_ONCE = 500;

/** Move runs part by part. A part that fails stops there; what was moved before stays moved, and is told. */
export async function moveInParts(
  runIds: readonly string[],
  move: (part: string[]) => Promise<unknown>,
  onMoved: (count: number) => void,
): Promise<void> {
  for (let done = 0; done < runIds.length; done += MOVED_AT_ONCE) {
    onMoved(done);
    try {
      await move(runIds.slice(done, done + MOVED_AT_ONCE));
    } catch (error) {
      if (done === 0) throw error;
      const count = `${done.toLocaleString("en")} of ${plural(runIds.length, "run")}`;
      throw new Error(`Done with ${count}, then it stopped: ${failureText(error).detail}`);
    }
  }
}
