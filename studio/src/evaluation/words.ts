/** What the screens of evaluation say. */
import type { ScorerVersion } from "../api/evaluation.ts";
import { list, object, text } from "../api/wire.ts";
import { pythonText } from "../parts/quoting.ts";

const begin = (trackingUri: string, experimentName: string) => [
  "import mlflow",
  "",
  `mlflow.set_tracking_uri(${pythonText(trackingUri)})`,
  `mlflow.set_experiment(${pythonText(experimentName)})`,
  "",
];

export const firstDataset = (trackingUri: string, experimentName: string, experimentId: string) =>
  [
    ...begin(trackingUri, experimentName),
    `dataset = mlflow.genai.create_dataset("questions", experiment_id=${pythonText(experimentId)})`,
    "dataset.merge_records(",
    '    [{"inputs": {"question": "What is a trace?"}, "expectations": {"answer": "A request"}}]',
    ")",
  ].join("\n");

export const firstScorer = (trackingUri: string, experimentName: string) =>
  [
    ...begin(trackingUri, experimentName),
    "from mlflow.genai.scorers import Guidelines",
    "",
    'Guidelines(name="polite", guidelines="The answer is polite.").register(name="polite")',
  ].join("\n");

/** What kind of scorer was registered: code, instructions for a judge, or one that comes with MLflow. */
export function kindOfScorer({ written }: ScorerVersion): string {
  if (written.call_source) return "Code";
  if (written.instructions_judge_pydantic_data) return "Judge";
  return text(written.builtin_scorer_class) || "Other";
}

/** The text that says what a scorer looks at. */
export function textOfScorer({ written }: ScorerVersion): string {
  if (written.call_source) {
    return `def ${text(written.original_func_name)}${text(written.call_signature)}:\n${text(written.call_source)}`;
  }
  const judge = object(written.instructions_judge_pydantic_data);
  if (judge.instructions) return text(judge.instructions);
  const guidelines = object(written.builtin_scorer_pydantic_data).guidelines;
  return Array.isArray(guidelines) ? list<string>(guidelines).join("\n") : text(guidelines);
}
