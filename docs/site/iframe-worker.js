// A worker for pages that are opened from the file system, where browsers refuse `new Worker`: search runs in an empty
// frame of this page instead, which answers by messages as a worker does.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.body.appendChild(frame)
      const inside = frame.contentWindow
      const tell = (target, data) => target.dispatchEvent(new MessageEvent("message", { data }))
      inside.postMessage = data => tell(this, data)
      this.waiting = []
      this.postMessage = data => this.waiting.push(data)
      const script = inside.document.createElement("script")
      script.src = new URL(url, location.href).href
      script.onload = () => {
        this.postMessage = data => tell(inside, data)
        this.waiting.forEach(this.postMessage)
      }
      inside.document.body.appendChild(script)
    }
    terminate() {}
  }
}
