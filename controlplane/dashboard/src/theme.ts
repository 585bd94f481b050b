// Colours and shapes; what Mantine's own would not keep readable is in app.css.
import { createTheme, Notification, type MantineColorsTuple } from "@mantine/core";

const green: MantineColorsTuple = [
  "#e9f7f2", "#d2ece3", "#a5d9c8", "#74c5aa", "#4cb391", "#31a680", "#1d8f6c", "#0b6e5a", "#095b4b", "#06463a",
];

const dark: MantineColorsTuple = [
  "#e8edea", "#b9c4bf", "#a3afaa", "#6b7772", "#39433e", "#313a35", "#1b221f", "#171d1a", "#141a17", "#101513",
];

export const theme = createTheme({
  primaryColor: "green",
  primaryShade: { light: 7, dark: 7 },
  colors: { green, dark },
  fontFamily: 'Inter, ui-sans-serif, system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "JetBrains Mono", "Liberation Mono", monospace',
  defaultRadius: "md",
  headings: { fontWeight: "620" },
  cursorType: "pointer",
  components: {
    Notification: Notification.extend({ defaultProps: { closeButtonProps: { "aria-label": "Close" } } }),
  },
});
