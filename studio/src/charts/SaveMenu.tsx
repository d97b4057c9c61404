import { Icon } from "../parts/Icon.tsx";
import { Menu } from "../parts/Menu.tsx";

interface Props {
  metric: string;
  /** Whether there are lines: values that are shown as bars are a table only. */
  isDrawn: boolean;
  onPicture: (isVector: boolean) => void;
  onCsv: () => void;
}

/** What a panel is saved as. */
export function SaveMenu({ metric, isDrawn, onPicture, onCsv }: Props) {
  const choices: [text: string, save: () => void][] = [["Table (CSV)", onCsv]];
  if (isDrawn)
    choices.unshift(["Picture (PNG)", () => onPicture(false)], ["Drawing (SVG)", () => onPicture(true)]);
  return (
    <Menu label={`Save ${metric}`} buttonClass="button bare icon small" button={<Icon name="download" />}>
      {(close) =>
        choices.map(([text, save]) => (
          <button
            key={text}
            type="button"
            className="item"
            onClick={() => {
              close();
              save();
            }}
          >
            {text}
          </button>
        ))
      }
    </Menu>
  );
}
