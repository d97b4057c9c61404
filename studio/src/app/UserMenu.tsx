import { workspaceName } from "../api/address.ts";
import { may, roleText, useCaller } from "../api/caller.ts";
import { Icon } from "../parts/Icon.tsx";
import { Menu } from "../parts/Menu.tsx";
import { adminHash, keysHash } from "./route.ts";
import { signOut } from "./signOut.ts";

/** The way to the administration, for whom there is something in it. */
export function AdminLink() {
  const caller = useCaller();
  if (!may(caller, "MANAGE")) return null;
  return (
    <a className="button bare" href={adminHash()} aria-label="Administration" title="Administration">
      <Icon name="settings" />
      <span className="wide-only">Administration</span>
    </a>
  );
}

function Who() {
  const caller = useCaller(true);
  if (caller === null) return null;
  return (
    <div className="who">
      <div className="strong wrap-anywhere">{caller.name}</div>
      <div className="quiet">{roleText(caller, workspaceName())}</div>
      {caller.expires_ms === null ? null : (
        <div className="quiet">signed in until {new Date(caller.expires_ms).toLocaleString()}</div>
      )}
    </div>
  );
}

/** Who is signed in, and what is theirs. */
export function UserMenu() {
  const caller = useCaller();
  if (caller === null || caller.is_local_owner) return null;
  return (
    <Menu
      label={`Account of ${caller.name}`}
      buttonClass="button bare"
      button={
        <>
          <Icon name="user" />
          <span className="ellipsis user-name wide-only">{caller.name}</span>
        </>
      }
    >
      {(close) => (
        <>
          <Who />
          <a className="item" href={keysHash()} onClick={close}>
            <Icon name="key" /> My API keys
          </a>
          <button
            type="button"
            className="item"
            onClick={() => {
              close();
              void signOut();
            }}
          >
            <Icon name="close" /> Sign out
          </button>
        </>
      )}
    </Menu>
  );
}
