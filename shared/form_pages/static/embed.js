// Made from shared/form_pages/scripts by python -m cli.embed_script.
"use strict";
(()=>{var nt=Symbol.for("leadhub"),it=window,kt=!it[nt],a=it[nt]||{claimed:new WeakSet,names:new Set,fragments:new Map,jobs:new Map,
resumed:new Map,consent:{},tcf:null,page:null,source:"",isBlocked:!1};function At(){it[nt]=a}var k=(e,t)=>!e.has(t)&&!!e.
add(t);var x=document.currentScript,at=new URL((x==null?void 0:x.src)||"about:blank"),Ot=/^(.*\/f\/)([^/]+)\/embed\.js$/.exec(at.
origin+at.pathname)||["","",""],g=Ot[1],m=Ot[2],{origin:A,hostname:ct}=at,b=(e,t)=>(t==null?void 0:t.dataset[e])||x.dataset[e];var S=e=>new Promise(t=>setTimeout(t,e*1e3)),q=()=>new Promise(e=>addEventListener("online",e,{once:!0})),U=()=>S(.1);function h(e){
try{return e()}catch{return null}}var _=e=>h(()=>JSON.parse(e)),lt=e=>[...e].map(t=>t.toString(16).padStart(2,"0")).join(
""),Et=()=>lt(crypto.getRandomValues(new Uint8Array(16)));function $(e,t){let o=h(()=>new URL(e,t));return o&&/^https?:$/.
test(o.protocol)?o.href:""}var Lt=`leadhub:pending:${g}`,$t=e=>`${Lt}${e.id}:${e.key}`,ft=e=>h(()=>sessionStorage.setItem($t(e),JSON.stringify(e))),
R=e=>h(()=>sessionStorage.removeItem($t(e)));function j(e){return(h(()=>Object.keys(sessionStorage))||[]).filter(r=>r.startsWith(
`${Lt}${e}:`)).map(r=>_(sessionStorage.getItem(r))).filter(Boolean)}var F=[1,3,10],Zt=60,te=3e4,ee=6e5,oe=6e4;function re(e,t){let o=t.length?new FormData:new URLSearchParams,r=e.extra||[[
"_key",e.key]];for(let[s,n]of[...e.pairs,...t,...r])o.append(s,n);return o}async function se(e,t){let o=re(e,t),r=new AbortController,
s=setTimeout(()=>r.abort(),t.length?ee:te);try{let n=await fetch(e.action,{method:"POST",body:o,headers:{Accept:"applica\
tion/json"},keepalive:!t.length&&String(o).length<oe,signal:r.signal}),i=_(await n.text())||{},c=Number(n.headers.get("R\
etry-After"))||0;return{kind:ne(n.status,i),said:i,after:c}}catch{return await U(),{kind:"unsent",said:{},after:0}}finally{
clearTimeout(s)}}function ne(e,t){return e===409?"accepted":e===422?"invalid":e<300?t.status?"accepted":"unsent":e>=500||
[408,425,429].includes(e)?"unsent":"refused"}async function ie(e,t,o){for(let r=0;;r+=1){let s=await se(e,t);s.kind!=="u\
nsent"&&R(e);let n=r===F.length||s.after>Zt;if(s.kind!=="unsent"||n||a.isBlocked)return s;o();let i=Math.max(F[r],s.after);
await(s.after?S(i):Promise.race([S(i),q()]))}}function H(e,t,o=()=>{}){let r=a.jobs.get(e.key);if(r)return r;let s=ie(e,
t,o).finally(()=>a.jobs.delete(e.key));return a.jobs.set(e.key,s),s}var p=(e,t=document)=>[...t.querySelectorAll(e)];function y(e,t){e.hidden=!t,e.style.display=t?"":"none"}function l(e,t={},...o){
let r=Object.assign(document.createElement(e),t);return r.append(...o),r}function d(e,t,o){let r={bubbles:!0,composed:!0,
cancelable:!0,detail:o};return e.dispatchEvent(new CustomEvent(`leadhub:${t}`,r))}function mt(e,t,o,r){let s={form_id:t,submission_id:o.submission_id||null};return b("datalayer",r)!==void 0&&(window.dataLayer=
window.dataLayer||[],window.dataLayer.push({event:"generate_lead",...s})),d(e,"success",s)}function Ct(e){for(let t of j(
e).filter(o=>!o.hasFiles)){let o={record:t,job:H(t,[]),isTaken:!1,isTold:!1};a.resumed.set(e,o),o.job.then(({kind:r,said:s})=>{
r!=="accepted"||o.isTaken||(o.isTold=!0,mt(document,e,s,null))})}}var K=["ad_storage","ad_user_data","ad_personalization"],Tt=e=>Object.fromEntries(K.map(t=>[t,e]));function z(){if(a.page)
return a.page.consent||{};let e=b("consent",x.closest("[data-leadhub-form]"));return e==="granted"||e==="denied"?Tt(e===
"granted"):{...ae(),...a.consent}}function ae(){let e={};for(let o of Array.isArray(window.dataLayer)?window.dataLayer:[])
if(!((o==null?void 0:o[0])!=="consent"||!o[2]))for(let r of K.filter(s=>o[2][s])){let s=o[2][r]==="granted";e[r]=(o[1]===
"update"||e[r]!==!1)&&s}let t=ce();for(let o of K){let r=t[o];r!==void 0&&(e[o]=e[o]!==!1&&r)}return e}function ce(){let e=a.
tcf;if(!e)return{};if(e.gdprApplies===!1)return Tt(!0);if(!["tcloaded","useractioncomplete"].includes(e.eventStatus||""))
return{};let{purpose:t}=e,o=(...r)=>r.every(s=>!!(t!=null&&t.consents[s]));return{ad_storage:o(1),ad_user_data:o(1,7),ad_personalization:o(
3,4)}}function It(e){addEventListener("leadhub:consent",t=>{let{detail:o}=t,r=Object(o)===o?o:{granted:o};for(let s of K){
let n=r[s]===void 0?r.granted:r[s];n!==void 0&&(a.consent[s]=n===!0||n==="granted")}e()}),typeof window.__tcfapi=="funct\
ion"&&window.__tcfapi("addEventListener",2,(t,o)=>{o&&(a.tcf=t),e()}),addEventListener("pagehide",e)}var le=90,pt="leadhub:touches",Nt=2048,fe="gclid gbraid wbraid dclid fbclid msclkid ttclid twclid li_fat_id ScCid epik r\
dt_cid".split(" "),me=/^utm_(source|medium|campaign|term|content)$/i;function pe(){let e={at:new Date().toISOString(),landing_page:location.
href.split("#")[0].slice(0,Nt)},t={};for(let[r,s]of new URLSearchParams(location.search)){let n=fe.find(i=>i.toLowerCase()===
r.toLowerCase());n?t[n]=s:me.test(r)&&(e[r.toLowerCase()]=s)}return Object.keys(t).length&&(e.click_ids=t),document.referrer&&
new URL(document.referrer).origin!==location.origin&&(e.referrer=document.referrer.slice(0,Nt)),{...e,isArrival:Object.keys(
e).length>2}}function C(){a.touch=a.touch||pe();let{isArrival:e,...t}=a.touch,{ad_storage:o}=z();if(!o)return o===!1&&h(
()=>localStorage.removeItem(pt)),{first:t,last:t};let r=h(()=>JSON.parse(localStorage.getItem(pt)||"null"))||{},s=Date.now()-
le*864e5,n=c=>c&&Date.parse(c.at)>s?c:null,i={first:n(r.first)||t,last:!e&&n(r.last)||t};return h(()=>localStorage.setItem(
pt,JSON.stringify(i))),i}var ue=100,de=["_fbp","_fbc","_ga"];function ut(){let{utm_source:e="",referrer:t=""}=C().last,{hostname:o}=h(()=>new URL(
t))||{hostname:ct},r=e.trim()||o!==ct&&o||"direct";return a.source=a.source||r.slice(0,ue),a.source}var O=(e,t=ut())=>`${g}${e}\
?${new URLSearchParams({_source:t})}`;function E(){if(a.page)return a.page;let e=z(),t={page_url:location.href.slice(0,2048),
query:location.search,consent:e,...C()};if(e.ad_storage){let r=document.cookie.split(/; */).map(s=>s.split("=")).filter(
([s,n])=>de.includes(s)&&n);r.length&&(t.browser_ids=Object.fromEntries(r))}return t}var he=`
:host { display: block !important; visibility: visible !important; opacity: 1 !important; height: auto !important;
  min-width: min(100%, 270px) !important; max-height: none !important; overflow: visible !important;
  clip-path: none !important; transform: none !important; filter: none !important; pointer-events: auto !important;
  content-visibility: visible !important; }
.lh-root { all: initial; display: block; }
[hidden] { display: none !important; }
iframe { display: block; inline-size: 100%; border: 0; }
.lh-dialog { box-sizing: border-box; inline-size: min(36em, 100vw - 24px); max-block-size: calc(100dvh - 24px);
  overflow: auto; border: 0; border-radius: 12px; padding: 1.5em; background: var(--lh-background, Canvas);
  color: var(--lh-text, CanvasText); }
.lh-dialog::backdrop { background: rgb(0 0 0 / 0.55); }
.lh-dialog .lh-head { padding-inline-end: 44px; }
.lh-close { position: absolute; inset-block-start: 8px; inset-inline-end: 8px; inline-size: 44px; block-size: 44px;
  border: 0; background: none; color: inherit; font: 24px/1 sans-serif; cursor: pointer; }`;function dt(e,t){let o=new CSSStyleSheet;
o.replaceSync(he+t.replace(/:(root|host)\b/g,".lh-root")),e.adoptedStyleSheets=[o]}function T(e){let{height:t}=e.getBoundingClientRect(),
o=e.shadowRoot||e.attachShadow({mode:"open"}),r=l("div",{className:"lh-root"});return t&&(r.style.minHeight=`${t}px`),r.
append(l("slot")),o.replaceChildren(r),dt(o,""),{shadow:o,root:r}}var Pt=2e4,ge=480;function J(e){let t=Number(b("height",e))||e.getBoundingClientRect().height||ge,{root:o}=T(e),r=e.getAttribute(
"aria-label")||document.title||m,s=l("iframe",{src:`${O(m)}&embed=1`,title:r});s.style.height=`${t}px`,o.replaceChildren(
s),addEventListener("message",({source:n,origin:i,data:c})=>{let{contentWindow:f}=s;n!==f||i!==A||!c||c.type!=="leadhub:\
height"||!Number.isInteger(c.height)||c.height<1||(s.style.height=`${Math.min(c.height,Pt)}px`,f.postMessage({type:"lead\
hub:page",page:E()},A))})}function Mt(){let e=document.querySelector("main")||document.body,t=0,o=()=>{let r=parseFloat(
getComputedStyle(document.body).paddingBottom)||0,s=Math.min(Pt,Math.ceil(e.getBoundingClientRect().bottom+scrollY+r));s>
0&&s!==t&&parent.postMessage({type:"leadhub:height",height:s},"*"),t=s};new ResizeObserver(o).observe(e),o()}function Rt(e){
addEventListener("message",({source:t,data:o})=>{t!==parent||!o||o.type!=="leadhub:page"||typeof o.page!="object"||(a.page=
o.page,e.firstTouch.preparation||(e.prefill(),e.refresh()))})}var L=e=>e==null||(typeof e=="string"?!e.trim():Array.isArray(e)&&!e.length),W=e=>typeof e!="boolean"&&/^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?\s*$/i.
test(String(e))?Number(e):null,G=e=>String(e).trim().toUpperCase().toLowerCase(),ht=e=>(Array.isArray(e)?e:[e]).filter(t=>!L(
t));function gt(e,t){let[o,r]=[W(e),W(t)];return(o===null||r===null)&&([o,r]=[G(e),G(t)]),+(o>r)-+(o<r)}var Ft=(e,t)=>W(
e)===null==(W(t)===null),X=(e,t)=>ht(e).some(o=>gt(o,t)===0),Bt=(e,t)=>Array.isArray(e)?X(e,t):!L(e)&&G(e).includes(G(t)),
ye={equals:X,not_equals:(e,t)=>!X(e,t),contains:Bt,not_contains:(e,t)=>!Bt(e,t),is_empty:L,is_not_empty:e=>!L(e),greater_than:(e,t)=>ht(
e).some(o=>Ft(o,t)&&gt(o,t)>0),less_than:(e,t)=>ht(e).some(o=>Ft(o,t)&&gt(o,t)<0),in:(e,t)=>t.some(o=>X(e,o))};function yt(e,t){
let o=r=>yt(r,t);return e.all?e.all.every(o):e.any?e.any.some(o):e.not?!o(e.not):ye[e.operator](t(e.field),e.value)}var B=e=>e.type==="checkbox"||e.type==="radio";function V(e){return e.flatMap(t=>B(t)?t.checked?[t.value]:[]:t.type==="f\
ile"?[...t.files||[]].map(o=>o.name):[t.value])}function Y(e,t){for(let o of e)o.type==="file"||o.type==="submit"||(B(o)?
o.checked=t.includes(o.value):o.value=t[0])}var D=(e,t)=>[...e.elements].filter(o=>o.name===t);function I(e,t){let o=e.querySelector(
`input[name="${t}"]`);if(o)return o;let r=l("input",{type:"hidden",name:t});return e.append(r),r}var Q=class extends Error{constructor(t,o){super(`LeadHub: ${t} answered ${o}`),this.isFinal=o<500}};async function Dt(e){
let t=await fetch(e);if(t.ok)return t.text();throw new Q(e,t.status)}function N(e){let t=a.fragments.get(e);if(t)return t;
let o=we(e);return o.catch(()=>a.fragments.delete(e)),a.fragments.set(e,o),o}async function we(e){for(let t=0;;t+=1)try{
let[o,r]=await Promise.all([Dt(O(`${e}/fragment`)),Dt(`${g}${e}/form.css`)]);return{html:o,css:r}}catch(o){await U();let r=o instanceof
Q&&o.isFinal;if(a.isBlocked||r||t===F.length)throw o;await S(F[t])}}function Z(e){return window.trustedTypes&&!a.policy&&
(a.policy=window.trustedTypes.createPolicy("leadhub",{createHTML:t=>t})),new DOMParser().parseFromString(a.policy?a.policy.
createHTML(e):e,"text/html")}var be=1e5,qt=20,Ut=e=>(e.match(/../g)||[]).map(t=>parseInt(t,16));async function jt({parameters:e,signature:t}){let{algorithm:o,
nonce:r,salt:s,cost:n,keyLength:i,keyPrefix:c}=e,f={name:"PBKDF2",hash:o.split("/")[1],salt:new Uint8Array(Ut(s)),iterations:n},
w=async v=>{let u=new Uint8Array([...Ut(r),0,0,0,0]);new DataView(u.buffer).setUint32(u.length-4,v);let M=await crypto.subtle.
importKey("raw",u,"PBKDF2",!1,["deriveBits"]);return lt(new Uint8Array(await crypto.subtle.deriveBits(f,M,i*8)))};for(let v=0;v<
be;v+=qt){let u=await Promise.all(Array.from({length:qt},(vt,Qt)=>w(v+Qt))),M=u.findIndex(vt=>vt.startsWith(c)),Yt={counter:v+
M,derivedKey:u[M]};if(M>=0)return btoa(JSON.stringify({challenge:{parameters:e,signature:t},solution:Yt}));await S(0)}return""}var tt=class{constructor(t){this.live=t,this.preparation=null}get source(){return I(this.live.form,"_source").value||ut()}begin(){
let{form:t,id:o}=this.live;this.preparation||"preview"in t.dataset||(d(t,"start",{form_id:o}),this.preparation=this.prepare().
catch(()=>{}))}async prepare(){let{form:t,id:o,isOurs:r}=this.live;r||this.learnTexts();let{token:s,challenge:n}=await(await fetch(
O(`${o}/token`,this.source))).json(),i=I(t,"_token");s&&(n||!i.value)&&(i.value=s),n&&(I(t,"_altcha").value=await jt(n))}learnTexts(){
N(this.live.id).then(({html:t})=>{let[o]=p("form",Z(t));o&&(this.live.texts=_(o.dataset.messages)||{})},()=>{})}};function et(e,t,o){let r=e.querySelector(`.${t}`);if(r)return r;let s=l("div",{className:t,tabIndex:-1});return s.setAttribute(
"role",o),e.prepend(s),s}var ot=class{constructor(t){this.live=t,this.form=t.form}check(t){let o={};for(let s of t){this.clear(s.key);let[n,i]=this.
live.isShown(s)&&s.problem||[];n&&(o[s.key]=[this.live.text(n,i)])}let r=!Object.keys(o).length;return r||this.show(o,""),
r}set(t,o){let r=D(this.form,t),s=this.slotOf(t)||(o&&r.length?xe(t,r[0]):null);if(!s)return!1;s.textContent=o,y(s,!!o);
let n=this.live.byKey.get(t);for(let i of n!=null&&n.group?[n.group]:r)o?i.setAttribute("aria-invalid","true"):i.removeAttribute(
"aria-invalid");return!0}slotOf(t){return p(".lh-error",this.form).find(o=>o.id===`lh-${t}-error`)}clear(t){t&&this.set(
t,"")}show(t,o){let r=Object.keys(t).filter(u=>this.set(u,t[u].join(" "))),s=Object.keys(t).filter(u=>!r.includes(u)),{fields:n,
steps:i}=this.live,c=n.find(u=>r.includes(u.key));c&&i.show(i.stepOf(c),!1);let f=r.map(u=>l("li",{},this.linkTo(u))),w=s.
flatMap(u=>t[u]).map(u=>l("p",{},u));r.length&&w.push(l("ul",{},...f));let v=l("b",{},this.live.text("summary")||o);this.
showSummary(v,...w),d(this.form,"error",{form_id:this.live.id,fields:r})}linkTo(t){let{byKey:o,steps:r}=this.live,s=o.get(
t),[n]=D(this.form,t),i=s!=null&&s.group?s.group.querySelector("legend"):(n.labels||[])[0],c=i?String((i.querySelector("\
span")||i).textContent):t,f=l("a",{href:`#lh-${t}`,dir:"auto"},c.trim().replace(/:$/,""));return f.addEventListener("cli\
ck",w=>{w.preventDefault(),s&&r.show(r.stepOf(s),!1),n.focus()}),f}showSummary(t,...o){let r=et(this.form,"lh-summary","\
alert");r.replaceChildren(...t?[l("p",{},t),...o]:[]),y(r,!!t),t&&r.focus()}fail(t,...o){this.showSummary(t,...o),d(this.
form,"error",{form_id:this.live.id,fields:[]})}};function xe(e,t){let o=l("p",{id:`lh-${e}-error`,className:"lh-error"});
return(t.closest("label")||t).after(o),t.setAttribute("aria-describedby",o.id),o}var Se=1048576,wt=class{constructor(t){let{key:o="",type:r="",showIf:s,required:n,prefill:i}=t.dataset;this.box=t,this.key=
o,this.type=r,this.isRequired=n!==void 0,this.isPrefilled=i!==void 0,this.showIf=_(s||null);let c=p("input, select, text\
area",t);this.controls=c.filter(f=>f.name===o),this.group=t.querySelector(".lh-group");for(let f of this.controls){let w=f.
getAttribute("aria-describedby")||"";f.setAttribute("aria-describedby",`${w.replace(`lh-${o}-error`,"")} lh-${o}-error`.
trim())}}get value(){let t=V(this.controls);return this.group&&this.type!=="radio"?t:B(this.controls[0])&&!this.group?t.
length>0||void 0:t[0]}get problem(){let[t]=this.controls;return t.validity.badInput?["date"]:L(this.value)?this.isRequired?
[this.missingText]:void 0:this.type==="email"&&!/[^\s]@[^\s]/.test(String(this.value))?["email_no_at"]:this.type==="file"?
_e(t):void 0}get missingText(){return this.type==="file"?"required_file":this.group||this.type==="select"?"required_choi\
ce":B(this.controls[0])?"required_consent":"required"}};function _e({files:e,accept:t,dataset:o}){let r=t.toLowerCase().
split(/[\s,]+/).filter(Boolean),s=({name:n,type:i})=>r.some(c=>c[0]==="."?n.toLowerCase().endsWith(c):!i||i.startsWith(c.
replace("*","")));for(let n of e||[]){if(n.size>Number(o.maxMb)*Se)return["file_size",{max:o.maxMb}];if(r.length&&!s(n))
return["file_type"]}}var Ht=e=>p(".lh-field",e).map(t=>new wt(t)).filter(t=>t.controls.length);function Kt(e,t,o,r){let{form:s}=e;if(!(r!=null&&r.isTold)&&!mt(s,e.id,t,e.box))return;let{lang:n,dir:i}=s,c=l("p",{tabIndex:-1,
dir:"auto"},t.message||e.text("success")||"\u2713"),f=l("div",{className:"lh-thanks",lang:n,dir:i},c);if(f.setAttribute(
"role","status"),f.style.maxWidth=`${s.offsetWidth}px`,s.closest("dialog")||(f.style.minHeight=`${o}px`),s.after(f),y(s,
!1),r)return;c.focus();let w=t.redirect_url&&$(t.redirect_url,E().page_url);w&&ve(w)}function ve(e){try{window.top.location.
href=e}catch{location.href=e}}var zt="Not sent yet. Your answers are kept.",ke=15,Ae=["_key","_page","_attribution","_source","_token","_altcha","_lan\
guage"];function Oe(e){let t=[],o=[],r=[];for(let[s,n]of new FormData(e))s[0]!=="_"&&(n instanceof File?n.name!==""&&(o.
push([s,n]),r.push([s,n.name,n.size,n.lastModified])):(t.push([s,n]),r.push([s,n])));return{pairs:t,files:o,mark:JSON.stringify(
r)}}var rt=class{constructor(t){this.live=t,this.form=t.form,this.isBusy=!1,this.record=null}setBusy(t){this.isBusy=t;let o=(r,s)=>t?
r.setAttribute(s,"true"):r.removeAttribute(s);o(this.form,"aria-busy");for(let r of p("[type=submit]",this.form))o(r,"ar\
ia-disabled");this.showStatus(t?this.live.text("sending"):"")}showStatus(t){et(this.form,"lh-status","status").textContent=
t}async submit(){var f;let{live:t,form:o}=this;if(this.isBusy||(t.firstTouch.begin(),t.errors.showSummary(),!t.errors.check(
t.fields)||!d(o,"submit",{form_id:t.id})))return;this.setBusy(!0);let{pairs:r,files:s,mark:n}=Oe(o),i={id:t.id,action:t.
action,pairs:r,mark:n,hasFiles:s.length>0},c=((f=this.record)==null?void 0:f.mark)===n?this.record:await this.begin({...i,
key:Et()});ft(c),await this.follow(H(c,s,()=>this.showStatus(t.text("retrying"))))}async begin(t){return this.record&&R(
this.record),this.record=t,ft(t),await Promise.race([this.live.firstTouch.preparation,S(ke)]),t.extra=this.hiddenPairs(t.
key),t}hiddenPairs(t){let{page_url:o,query:r,...s}=E(),n={_key:t,_page:o,_attribution:JSON.stringify({...s,page_url:o})};
return n._source=this.live.firstTouch.source,Ae.map(c=>{let f=I(this.form,c);return f.value=n[c]||f.value,[c,f.value]}).
filter(([,c])=>c)}async follow(t,o){let{live:r}=this,{kind:s,said:n}=await t,i=this.form.offsetHeight;this.setBusy(!1),s!==
"unsent"&&(this.record=null),s==="accepted"?Kt(r,n,i,o):s==="invalid"&&n.errors?r.errors.show(n.errors,n.message||""):s===
"unsent"?await this.offerAgain():r.errors.fail(n.message||r.text("refused")||zt)}async offerAgain(){let{live:t}=this;if(a.
isBlocked&&this.record)return this.sendNatively();let o=l("button",{type:"button",className:"lh-retry"},t.text("try_agai\
n")||"\u21BB"),r=new Promise(s=>o.addEventListener("click",s,{once:!0}));t.errors.fail(t.text("failed")||zt,o),await Promise.
race([r,q()]),o.isConnected&&await this.submit()}sendNatively(){this.record&&R(this.record),HTMLFormElement.prototype.submit.
call(this.form)}restore(){let{id:t}=this.live,o=a.resumed.get(t),r=o?o.record:j(t).find(s=>s.hasFiles);if(!(!r||o!=null&&
o.isTold&&this.form.closest("dialog"))){a.resumed.delete(t),this.record=r;for(let s of new Set(r.pairs.map(([n])=>n))){let n=r.
pairs.filter(([i])=>i===s).map(([,i])=>i);Y(D(this.form,s),n)}if(this.live.refresh(),!o){this.live.errors.showSummary(this.
live.text("files_again"));return}o.isTaken=!0,this.setBusy(!0),this.follow(o.job,o)}}};var st=class{constructor(t){this.live=t,this.all=t.isOurs?p(".lh-step",t.form):[],this.at=0}stepOf(t){return Math.max(0,
this.all.indexOf(t.box.closest(".lh-step")))}fieldsOn(t){return this.live.fields.filter(o=>this.stepOf(o)===t)}shown(){let t=o=>{
let r=this.fieldsOn(o);return!r.length||r.some(s=>s.type!=="hidden"&&this.live.isShown(s))};return this.all.map((o,r)=>r).
filter(t)}next(t=1){let o=this.shown(),r=o[o.indexOf(this.at)+t];return r===void 0?null:r}show(t,o){if(this.all.length<2||
t===null)return;this.at=t;for(let[s,n]of this.all.entries())y(n,s===t);if(this.showProgress(),!o)return;this.live.errors.
showSummary();let r=this.all[t];r.tabIndex=-1,r.focus(),d(this.live.form,"step",{form_id:this.live.id,step:t+1})}showProgress(){
if(this.all.length<2)return;let{form:t}=this.live,o=this.shown(),r=this.next()===null;for(let i of p("[data-back]",t))y(
i,this.next(-1)!==null);for(let i of p("[data-next]",t))y(i,!r);for(let i of p("[type=submit]",t))y(i,r);let s=t.querySelector(
".lh-progress");if(!s)return;let n=this.live.text("progress",{step:o.indexOf(this.at)+1,total:o.length});s.textContent!==
n&&(s.textContent=n),y(s,o.length>1)}};var P=class{constructor(t,o,r){this.form=t,this.id=o,this.box=r,this.isOurs=t.classList.contains("lh-form"),this.texts=_(
t.dataset.messages)||{},this.action=$(t.getAttribute("action"),document.baseURI)||g+o,this.fields=this.isOurs?Ht(t):[],this.
byKey=new Map(this.fields.map(s=>[s.key,s])),this.steps=new st(this),this.errors=new ot(this),this.firstTouch=new tt(this),
this.sending=new rt(this),this.start()}start(){let{form:t,steps:o}=this;this.isOurs&&(t.noValidate=!0),this.listen(),this.
prefill(),this.refresh();let r=this.fields.find(n=>n.box.querySelector(".lh-error:not([hidden])"));o.show(r?o.stepOf(r):
0,!1),t.dataset.live="";let s=t.getRootNode();t.contains(s.activeElement)&&this.firstTouch.begin(),d(t,"ready",{form_id:this.
id}),this.sending.restore()}listen(){let{form:t,firstTouch:o,sending:r,steps:s}=this;for(let n of["focusin","pointerdown",
"input"])t.addEventListener(n,()=>o.begin());for(let n of["input","change"])t.addEventListener(n,({target:i})=>{this.errors.
clear(i.name),this.refresh()});t.addEventListener("submit",n=>{n.preventDefault(),s.next()!==null?this.goOn():r.submit().
catch(()=>r.sendNatively())});for(let n of p("[data-next]",t))n.addEventListener("click",()=>this.goOn());for(let n of p(
"[data-back]",t))n.addEventListener("click",()=>s.show(s.next(-1),!0));addEventListener("pageshow",n=>n.persisted&&r.setBusy(
!1))}text(t,o={}){return(this.texts[t]||"").replace(/\{(\w+)\}/g,(r,s)=>s in o?String(o[s]):r)}prefill(){let t=new URLSearchParams(
E().query),o=r=>r.isPrefilled&&r.type!=="consent"&&t.has(r.key);for(let r of this.fields.filter(o))L(V(r.controls).filter(
Boolean))&&Y(r.controls,t.getAll(r.key))}isShown(t){return t.showIf?yt(t.showIf,o=>{let r=this.byKey.get(o);return r&&this.
isShown(r)?r.value:void 0}):!0}refresh(){for(let t of this.fields.filter(o=>o.showIf)){let o=this.isShown(t);t.type!=="h\
idden"&&y(t.box,o);for(let r of t.controls)r.disabled=!o}this.steps.showProgress()}goOn(){let{steps:t}=this,o=t.next();this.
firstTouch.begin(),o!==null&&this.errors.check(t.fieldsOn(t.at))&&t.show(o,!0)}};function bt(){let e=o=>$(o.getAttribute("action")||"",document.baseURI).split(/[?#]/)[0];return p("form").filter(o=>o.dataset.
leadhubForm===m||e(o)===g+m)}function Jt(){for(let e of bt().filter(t=>k(a.claimed,t))){let t=new P(e,m,e);parent!==window&&
location.origin===A&&/[?&]embed=1\b/.test(location.search)&&(Rt(t),Mt())}}function Xt(){let e=`.lh-form:not([data-live])\
 {
  :is(.lh-step ~ .lh-step, [data-show-if]) { display: none; }
  .lh-progress { display: block !important; min-block-size: 1lh; }
}`,t=new CSSStyleSheet;t.replaceSync(e),document.adoptedStyleSheets=[...document.adoptedStyleSheets,t]}async function xt(e,t,o){let{html:r,css:s}=await N(m),n=[...Z(r).body.childNodes].map(c=>document.importNode(c,!0));dt(e,
s),t.append(...n);let i=t.querySelector("form");return a.claimed.add(i),new P(i,m,o)}async function Wt(e){let{shadow:t,root:o}=T(
e),r=l("div");o.append(r);try{await xt(t,r,e),o.querySelector("slot").remove()}catch(s){a.isBlocked?J(e):Ee(e,s)}}function Ee(e,t){
e.textContent.trim()||e.append(l("a",{href:g+m},g+m)),d(e,"error",{form_id:m,fields:[]}),console.warn(String(t))}function St(e){let t=b("trigger",e)||`[data-leadhub-open="${CSS.escape(m)}"]`;if(!k(a.names,`popup:${m}:${t}`))return;let o=null,
r=({target:s})=>s instanceof Element&&s.closest(t);for(let s of["pointerover","focusin"])document.addEventListener(s,n=>r(
n)&&N(m).catch(()=>{}));document.addEventListener("click",async s=>{if(!(!r(s)||s.ctrlKey||s.metaKey||s.shiftKey)){s.preventDefault();
try{o=o||Le(e);let n=await o;n.open||n.showModal()}catch{location.href=O(m)}}});for(let s of p(t))s.setAttribute("aria-h\
aspopup","dialog")}async function Le(e){let t=l("div");document.body.append(t);let{shadow:o,root:r}=T(t),s=l("button",{type:"\
button",className:"lh-close"},"\xD7"),n=l("dialog",{className:"lh-dialog"});r.replaceChildren(n);let i=await xt(o,n,e);n.
append(s),s.setAttribute("aria-label",i.text("close")),s.addEventListener("click",()=>n.close()),n.dir=i.form.dir;let c=n.
querySelector(".lh-title, h1, h2")||n.querySelector("[type=submit]");return n.setAttribute("aria-label",c.textContent.trim()),
n}var Vt=()=>x.closest("[data-leadhub-form]:not(form)");function _t(e,t){t==="popup"?St(e):k(a.claimed,e)&&(t==="iframe"?J:
Wt)(e)}function Gt(){let e=Vt(),t=b("mode",e)||"";t==="enhance"||!t&&!e&&bt().length?Jt():e?_t(e,t):t==="popup"?St(null):
$e(t)}function $e(e){let t=p(`[data-leadhub-form="${CSS.escape(m)}"]:not(form)`);for(let s of t)_t(s,b("mode",s));if(t.length||
!k(a.names,`inline:${m}`))return;let o=l("div"),r=p("body script").find(s=>s.src===x.src);r?r.after(o):document.body.append(
o),_t(o,e)}function Ce(){document.addEventListener("securitypolicyviolation",({blockedURI:e,effectiveDirective:t})=>{t===
"connect-src"&&e.startsWith(A)&&(a.isBlocked=!0)})}function Te(){At(),kt&&(Ce(),It(C)),C(),k(a.names,`resume:${m}`)&&Ct(
m),x.dataset.mode==="enhance"&&location.origin===A&&h(Xt),document.readyState==="loading"&&!Vt()?document.addEventListener(
"DOMContentLoaded",Gt):Gt()}m&&Te();})();
