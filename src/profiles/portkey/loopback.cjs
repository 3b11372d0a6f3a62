// The gateway listens on every interface and has no option for it: listen on loopback alone.
const net = require('node:net');
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  const [first, second] = args;
  if (first !== null && typeof first === 'object' && 'port' in first) {
    args[0] = { ...first, host: '127.0.0.1' };
  } else if (typeof first === 'number' || typeof first === 'string') {
    args.splice(1, typeof second === 'string' || second === undefined ? 1 : 0, '127.0.0.1');
  }
  return listen.apply(this, args);
};
