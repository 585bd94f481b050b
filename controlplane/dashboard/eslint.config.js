// What the dashboard's sources are held to besides their types.
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist", "node_modules", "src/api/*.d.ts"] },
  ...tseslint.configs.recommended,
  hooks.configs.flat["recommended-latest"],
  {
    files: ["src/**/*.{ts,tsx}"],
    rules: {
      "max-lines": ["error", 400],
      "@typescript-eslint/no-explicit-any": "error",
      "react-hooks/incompatible-library": "off",
    },
  },
);
