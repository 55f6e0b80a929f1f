import { defineConfig } from "vite";

// Development: React renders and mounts twice under StrictMode.
const input = ["index.html", "probe.html", "vue.html", "plain.html", "shared.html"];
const vue = { __VUE_OPTIONS_API__: true, __VUE_PROD_DEVTOOLS__: false, __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: false };
export default defineConfig({ mode: "development", define: vue, build: { minify: false, rollupOptions: { input } } });
