import { end, useSession } from "../api/session.ts";
import { IconButton } from "../parts/IconButton.tsx";
import icon from "../styles/icon.svg";
import { experimentsHash } from "./route.ts";
import { chooseTheme, useTheme } from "./theme.ts";
import { WorkspaceSwitcher } from "./WorkspaceSwitcher.tsx";

export function Header() {
  const theme = useTheme();
  const { session } = useSession();
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
      <WorkspaceSwitcher />
      <span className="grow" />
      <IconButton
        icon={theme === "dark" ? "sun" : "moon"}
        label={`Use the ${other} theme`}
        isSmall={false}
        onClick={() => chooseTheme(other)}
      />
      {session && (
        <button type="button" className="button bare" onClick={end}>
          Sign out
        </button>
      )}
    </header>
  );
}

/** The hash is the router's, so an in-page link can't be used to skip. */
function focusMain(): void {
  document.getElementById("main-content")?.focus();
}
