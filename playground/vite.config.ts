import { defineConfig } from "vite";

export default defineConfig({
  base: "/playground/",
  // Nothing is copied as it stands: every file of dist/ is built and named by its content.
  publicDir: false,
  oxc: { jsx: { runtime: "automatic" } },
  build: {
    outDir: "dist",
    assetsDir: "assets",
    // No data: addresses for scripts or styles, so that the page's policy stays strict.
    assetsInlineLimit: 0,
    // The only preload would be of the one script that the page already names.
    modulePreload: false,
    sourcemap: false,
    // The libraries' licences ask that their notices go wherever the code goes.
    license: { fileName: "assets/licenses.txt" },
    chunkSizeWarningLimit: 2000,
    rolldownOptions: {
      // "use client" in libraries speaks to servers that render React; there is none here.
      checks: { moduleLevelDirective: false },
      // One script: the editor's add-ons are always needed, so lazy parts gain nothing.
      output: { codeSplitting: false },
    },
  },
});
