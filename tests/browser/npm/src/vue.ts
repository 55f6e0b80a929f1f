import { createApp, h, ref } from "vue";
import { useSentiment } from "./useSentiment.js"; // the example of docs/client.md

declare global {
  interface Window {
    change(tickers: string): void;
    end(): void;
  }
}

const url = ref("http://127.0.0.1:8080/api/v2/stream");
const app = createApp({
  setup() {
    const shown = useSentiment(url);
    return () => h("p", `${shown.value?.state.name} ${shown.value?.items.size}`);
  },
});
app.mount("#root");
window.change = (tickers) => { url.value += `?tickers=${tickers}`; };
window.end = () => app.unmount();
