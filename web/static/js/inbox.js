// The inbox page. Each module does one thing; the server's HTML works without any of them for reading and replying.
import "./alerts.js";
import "./approved.js";
import "./clock.js";
import "./choosers.js";
import "./composer.js";
import "./contact.js";
import "./demo.js";
import "./drafts.js";
import "./files.js";
import "./keys.js";
import "./lightbox.js";
import "./navigate.js";
import "./ops.js";
import "./palette.js";
import "./presence.js";
import "./reading.js";
import "./search.js";
import "./slash.js";
import "./splitting.js";
import "./title.js";
import "./waterfall.js";
import "./waits.js";
import { connect } from "./live.js";

connect();
