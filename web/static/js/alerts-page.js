// The list behind the bell: whoever looks at it has seen it.
const workspace = `/w/${document.documentElement.dataset.workspace}`;
if (document.querySelector(".alert")) fetch(`${workspace}/alerts/seen`, { method: "POST" });
