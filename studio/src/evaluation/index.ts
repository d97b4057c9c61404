/** The screens of evaluation datasets and scorers, loaded when somebody opens one. */
export { EvaluationDatasetScreen } from "./EvaluationDatasetScreen.tsx";
export { EvaluationDatasetsScreen } from "./EvaluationDatasetsScreen.tsx";
export { EvaluationRunsScreen } from "./EvaluationRunsScreen.tsx";
export { ScorerScreen } from "./ScorerScreen.tsx";
export { ScorersScreen } from "./ScorersScreen.tsx";
