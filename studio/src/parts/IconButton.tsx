import type { ButtonHTMLAttributes } from "react";
import { Icon, type IconName } from "./Icon.tsx";

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  icon: IconName;
  label: string;
  isSmall?: boolean;
}

/** A button with only an icon; its label is read out and shown on hover. */
export function IconButton({ icon, label, isSmall = true, className = "", ...rest }: Props) {
  return (
    <button
      type="button"
      className={`button bare icon ${isSmall ? "small" : ""} ${className}`}
      aria-label={label}
      title={label}
      {...rest}
    >
      <Icon name={icon} />
    </button>
  );
}
