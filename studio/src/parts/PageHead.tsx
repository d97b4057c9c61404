import { Fragment, type ReactNode } from "react";

interface Props {
  /** The screens above this one: what they are called, and where they are. */
  trail: readonly (readonly [title: string, hash: string])[];
  /** What this screen is called at the end of the trail; left out where the title follows on it. */
  here?: string;
  title: ReactNode;
  /** What stands beside the title: a state, marks. */
  marks?: ReactNode;
  /** What can be done, at the right. */
  actions?: ReactNode;
}

/** Where a screen about one thing begins: the way to it, its name, and what can be done with it. */
export function PageHead({ trail, here, title, marks, actions }: Props) {
  return (
    <div>
      <nav className="crumbs" aria-label="Where you are">
        {trail.map(([name, hash], place) => (
          <Fragment key={hash}>
            {place > 0 && <span aria-hidden="true">/</span>}
            <a className="wrap-anywhere" href={hash}>
              {name}
            </a>
          </Fragment>
        ))}
        {here !== undefined && (
          <>
            <span aria-hidden="true">/</span>
            <span className="wrap-anywhere">{here}</span>
          </>
        )}
      </nav>
      <div className="title">
        <h1 className="wrap-anywhere">{title}</h1>
        {marks}
        <span className="grow" />
        {actions}
      </div>
    </div>
  );
}
