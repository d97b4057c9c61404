import type { JobEnvironment } from "../api/jobs.ts";
import { environmentHash } from "../app/route.ts";
import { FactsCard } from "../parts/Facts.tsx";
import { PairsCard } from "../parts/PairsCard.tsx";
import { TextCard } from "../parts/TextCard.tsx";

/** What a job has around it, as it was when the job was submitted. */
export function EnvironmentTab({ environment }: { environment: JobEnvironment }) {
  const { name, version, python, docker, variables } = environment;
  const conda = python?.conda;
  const packages = [
    ...(conda?.packages.length ? ["# conda", ...conda.packages] : []),
    ...(conda?.pip.length ? ["# pip", ...conda.pip] : []),
  ];
  const isAsItIs = !packages.length || python?.user_managed;
  return (
    <div className="overview">
      <div className="stack">
        <FactsCard
          facts={[
            [
              "Environment",
              name ? (
                <a key="name" href={environmentHash(name, version ?? undefined)}>
                  {name}
                  {version ? `, version ${version}` : ""}
                </a>
              ) : (
                "of this job alone"
              ),
            ],
            ["Python", <code key="python">{python?.interpreter ?? "python"}</code>],
            ["Packages", isAsItIs && "what is installed on the target; nothing more is"],
            ["Channels", conda?.channels.join(", ")],
            ["Image", docker?.image && <code key="image">{docker.image}</code>],
          ]}
        />
        <p className="quiet">How it was made stands in the log, under “Preparation”.</p>
      </div>
      <div className="stack">
        <TextCard title="Packages" text={packages.join("\n")} empty="None are named." />
        {docker?.dockerfile && <TextCard title="Dockerfile" text={docker.dockerfile} empty="" />}
        <PairsCard
          title="Variables"
          empty="No variables are set."
          rows={Object.entries(variables ?? {}).map(([key, text]) => ({ key, text }))}
        />
      </div>
    </div>
  );
}
