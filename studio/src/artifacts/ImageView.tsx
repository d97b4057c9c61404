import { useEffect, useState } from "react";
import { imageType } from "./kinds.ts";

/** A picture out of bytes that were fetched. */
export function ImageView({ blob, path, alt }: { blob: Blob; path: string; alt: string }) {
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    // The type comes from the name, never from what was uploaded.
    const made = URL.createObjectURL(new Blob([blob], { type: imageType(path) }));
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [blob, path]);
  return address && <img src={address} alt={alt} />;
}
