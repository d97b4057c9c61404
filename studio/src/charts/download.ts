/** Hand a file to the person. */
export function download(content: Blob, fileName: string): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = fileName.replace(/[\\/:*?"<>|\s]+/g, "-");
  link.click();
  // The browser reads the address after this turn.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** The panel as a picture, on the page's own background, since a canvas has none. */
export function downloadPicture(canvas: HTMLCanvasElement, fileName: string): void {
  const picture = document.createElement("canvas");
  picture.width = canvas.width;
  picture.height = canvas.height;
  const context = picture.getContext("2d");
  if (!context) return;
  context.fillStyle = window.getComputedStyle(document.documentElement).getPropertyValue("--surface");
  context.fillRect(0, 0, picture.width, picture.height);
  context.drawImage(canvas, 0, 0);
  picture.toBlob((blob) => {
    if (blob) download(blob, fileName);
  });
}
