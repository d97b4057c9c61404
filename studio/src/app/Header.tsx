import { useSession } from "../api/session.ts";
import { IconButton } from "../parts/IconButton.tsx";
import icon from "../styles/icon.svg";
import { MlflowLink } from "./MlflowLink.tsx";
import { datastoresHash, experimentsHash, jobsHash, registryHash } from "./route.ts";
import { chooseTheme, useTheme } from "./theme.ts";
import { AdminLink, UserMenu } from "./UserMenu.tsx";
import { WorkspaceSwitcher } from "./WorkspaceSwitcher.tsx";

export function Header() {
  const theme = useTheme();
  const { isAsked } = useSession();
  const other = theme === "dark" ? "light" : "dark";
  return (
    <header className="top">
      <button type="button" className="button skip" onClick={focusMain}>
        Skip to content
      </button>
      <a className="brand" href={experimentsHash()} aria-label="Runyard: experiments">
        <img src={icon} alt="" />
        <span>Runyard</span>
      </a>
      {!isAsked && <WorkspaceSwitcher />}
      {!isAsked && (
        <nav className="row" aria-label="Parts of the workspace">
          <a className="button bare wide-only" href={experimentsHash()}>
            Experiments
          </a>
          <a className="button bare" href={jobsHash()}>
            Jobs
          </a>
          <a className="button bare" href={registryHash()}>
            Models
          </a>
          <a className="button bare" href={datastoresHash()}>
            Data
          </a>
        </nav>
      )}
      <span className="grow" />
      {!isAsked && <MlflowLink />}
      <AdminLink />
      <IconButton
        icon={theme === "dark" ? "sun" : "moon"}
        label={`Use the ${other} theme`}
        isSmall={false}
        onClick={() => chooseTheme(other)}
      />
      <UserMenu />
    </header>
  );
}

/** The hash is the router's, so an in-page link can't be used to skip. */
export function focusMain(): void {
  document.getElementById("main-content")?.focus({ preventScroll: true });
}
