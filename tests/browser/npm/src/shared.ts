import { SharedSentimentStream } from "sentiment-streamer/shared";

const stream = new SharedSentimentStream("http://127.0.0.1:8080/api/v2/stream");
stream.subscribe(() => {
  const { items, state } = stream.snapshot();
  document.getElementById("root")!.textContent = `${stream.role} ${state.name} ${items.size}`;
});
