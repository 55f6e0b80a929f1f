import { defineConfig } from "vite";

// Development: React renders and mounts twice under StrictMode.
const input = ["index.html", "probe.html", "vue.html", "plain.html", "shared.html"];
export default defineConfig({ mode: "development", build: { minify: false, rollupOptions: { input } } });
