import { type ReactNode, useEffect, useRef } from "react";
import { workspaceName } from "../api/address.ts";
import { may, useCaller } from "../api/caller.ts";
import { adminHash, experimentsHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { Empty, Skeleton } from "../parts/States.tsx";
import { AuditSection } from "./AuditSection.tsx";
import { GrantsPanel } from "./GrantsPanel.tsx";
import { GroupsSection } from "./GroupsSection.tsx";
import { HealthSection } from "./HealthSection.tsx";
import { KeysPanel } from "./KeysPanel.tsx";
import { PrincipalsSection } from "./PrincipalsSection.tsx";
import { StorageSection } from "./StorageSection.tsx";
import { SECTIONS, type Section } from "./sections.ts";
import { TrashSection } from "./TrashSection.tsx";

const SCREENS: Record<string, () => ReactNode> = {
  roles: () => <GrantsPanel experimentId={null} />,
  trash: () => <TrashSection />,
  storage: () => <StorageSection />,
  people: () => <PrincipalsSection key="people" kind="person" />,
  groups: () => <GroupsSection />,
  services: () => <PrincipalsSection key="services" kind="service" />,
  keys: () => <KeysPanel isOfAll />,
  audit: () => <AuditSection />,
  health: () => <HealthSection />,
};

function Navigation({ sections, current }: { sections: Section[]; current: string }) {
  const bar = useRef<HTMLElement>(null);
  // On narrow screens the names stand in one line that scrolls.
  useEffect(() => {
    const link = bar.current?.querySelector(`[href="${adminHash(current)}"]`);
    link?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [current]);
  const groups = [...new Set(sections.map((section) => section.group))];
  return (
    <nav ref={bar} className="side-nav" aria-label="Administration">
      {groups.map((group) => (
        <div key={group} className="side-group">
          <h2>{group}</h2>
          {sections
            .filter((section) => section.group === group)
            .map(({ name, title }) => (
              <a key={name} href={adminHash(name)} aria-current={name === current ? "page" : undefined}>
                {title}
              </a>
            ))}
        </div>
      ))}
    </nav>
  );
}

/** Who may what on this server and in this workspace, what it holds, and how it fares. */
export function AdminScreen({ section }: { section: string }) {
  const caller = useCaller();
  const sections = SECTIONS.filter(({ permission }) => may(caller, permission));
  const current = section === "" ? sections[0] : sections.find(({ name }) => name === section);
  useDocumentTitle(current?.title ?? "Administration");
  if (caller === null) {
    return (
      <div className="page">
        <Skeleton label="Loading the administration" />
      </div>
    );
  }
  if (!current) {
    const isThere = section === "" || SECTIONS.some(({ name }) => name === section);
    return (
      <Empty title={isThere ? "You may not see this" : "There is no such page"}>
        {isThere && (
          <p className="quiet">
            This is for administrators of the server and, in part, for owners of the workspace{" "}
            {workspaceName()}. Ask one of them for the role that you need.
          </p>
        )}
        <a className="button" href={experimentsHash()}>
          All experiments
        </a>
      </Empty>
    );
  }
  return (
    <div className="admin">
      <Navigation sections={sections} current={current.name} />
      <div className="admin-body stack">
        <h1>{current.title}</h1>
        {SCREENS[current.name]?.()}
      </div>
    </div>
  );
}
