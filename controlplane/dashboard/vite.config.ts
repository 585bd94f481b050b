// How the dashboard is built: files with digests in their names, and nothing inline.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const control = process.env.FLOOPY_CONTROL ?? "http://127.0.0.1:8081";

export default defineConfig({
  plugins: [react()],
  build: { target: "es2022", assetsInlineLimit: 0, sourcemap: false, chunkSizeWarningLimit: 700 },
  server: { proxy: { "/v1": control, "/dashboard": control } },
  preview: { proxy: { "/v1": control, "/dashboard": control } },
  test: { include: ["src/**/*.test.ts"] },
});
